"""Recorded files into columns, block by block, in the order of their lines; what is no trade is named beside them."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np

from producers.recorded import scan
from producers.recorded.block import Block
from producers.recorded.errors import FileError
from producers.recorded.finding import is_parquet
from producers.recorded.layouts import ARCHIVE, RECORDING, Layout, header_of, layout_of
from producers.recorded.lines import cells_of, is_data, trade_of
from producers.recorded.naming import EXCHANGE, symbol_in
from producers.recorded.unpacked import LINE_BYTES, MARK, SHOWN_BYTES, Endless, Part, lines_of, opened
from producers.source import BadRecord
from schemas.records import Trade

_WORD = 2**64


def blocks_of(part: Part, instruments: Collection[str] = ()) -> Iterator[Block]:
    """Yield the trades of a file. `FileError` for what is no recording at all, or cannot be read to its end.

    Of a file that by its name has none of `instruments`, unless these are empty, no more than one block is read, and
    nothing said against it.
    """
    if is_parquet(part.path):
        from producers.recorded.parquet import parquet_blocks  # noqa: PLC0415 -- slow to import, and only needed here

        yield from parquet_blocks(part.path)
        return
    with opened(part) as data, closing(lines_of(data, str(part.path))) as all_lines:
        reader = _Reader(part)
        for lines in all_lines:
            block = reader.endless(lines) if isinstance(lines, Endless) else reader.block(lines)
            if instruments and reader.named_instrument not in (None, *instruments):
                yield replace(block, bad=[])
                return
            yield block


def trades_only(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks; `FileError` names the first line that is no trade."""
    for block in blocks:
        for _, bad in block.bad[:1]:
            raise FileError(f"{bad.origin}: {bad.error}")
        yield block


SHORTEST = len("1,1,1,,1230768000,true\n")
"""Bytes of the shortest line that is a trade."""


class _Reader:
    """How far the reading of a file has come: its line, its layout and its symbols."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._line = 0
        self._layout: Layout | None = None
        self._texts = np.zeros((scan.SLOTS, scan.SYMBOL_BYTES), np.uint8)
        self._lengths = np.zeros(scan.SLOTS, np.int64)
        self._instruments: dict[int, str] = {}
        self._numbers: dict[str, int] = {}

    def endless(self, line: Endless) -> Block:
        """Return a block of one line that is no trade."""
        self._line += 1
        bad = self._too_long(line.begins)
        return Block(np.empty((len(scan.COLUMNS), 0), np.int64), self._instruments, [(0, bad)])

    def block(self, lines: bytes) -> Block:
        """Return the trades of whole lines."""
        data, end = np.frombuffer(lines, np.uint8), len(lines)
        out = np.empty((len(scan.COLUMNS), len(lines) // SHORTEST + 1), np.int64)
        bad: list[tuple[int, BadRecord]] = []
        row = at = 0
        while at < end:
            if self._layout is not None:
                row, at, passed = scan.scan(data, at, end, self._layout.roles, self._texts, self._lengths, out, row)
                self._line += passed
                if at == end:
                    break
            after = lines.index(b"\n", at) + 1
            self._line += 1
            judged = self._judged(lines[at : after - 1].removesuffix(b"\r"))
            if isinstance(judged, Trade):
                out[:, row] = self._row(judged)
                row += 1
            elif judged is not None:
                bad.append((row, judged))
            at = after
        return Block(out[:, :row], self._instruments, bad)

    @property
    def named_instrument(self) -> str | None:
        """The instrument of all that was read so far, if the file's name says it."""
        only = self._layout is not None and not self._layout.has_symbols and len(self._instruments) == 1
        return self._instruments[0] if only else None

    @property
    def _origin(self) -> str:
        return f"{self._part.name}:{self._line}"

    def _too_long(self, begins: bytes) -> BadRecord:
        return BadRecord(self._origin, begins, f"the line does not end within {LINE_BYTES:,} bytes")

    def _judged(self, line: bytes) -> Trade | BadRecord | None:
        """Return the trade of one line, or why it is none; None for a line that need not be one."""
        line = line.removeprefix(MARK)
        if not line:
            return None
        if len(line) > LINE_BYTES:
            return self._too_long(line[:SHOWN_BYTES])
        cells = cells_of(line.decode("utf-8", "surrogateescape"))
        if self._layout is None or not is_data(cells):
            header = header_of(cells)
            if header is not None or self._layout is None:
                self._begin(header or layout_of(cells), line)
            if header is not None:
                return None
        assert self._layout is not None
        try:
            return trade_of(self._layout, cells, self._instruments.get(0, "").removeprefix(f"{EXCHANGE}:"))
        except ValueError as error:
            return BadRecord(self._origin, line, str(error))

    def _begin(self, layout: Layout | None, line: bytes) -> None:
        """Read on in another layout."""
        if layout is None:
            raise FileError(
                f"{self._part.path}: line {self._line}: {line[:100].decode(errors='replace')!r} is neither a recording "
                f"({','.join(RECORDING)}) nor of the archive ({','.join(ARCHIVE)})"
            )
        if not layout.has_symbols and 0 not in self._instruments:
            inner = (self._part.member or "").rpartition("/")[2]
            symbol = symbol_in(inner) or symbol_in(self._part.path.name)
            if symbol is None:
                raise FileError(
                    f"{self._part.path}: the name does not begin with a symbol, as in XRPUSDT-trades-2025-01-01.zip"
                )
            self._instruments[0] = f"{EXCHANGE}:{symbol}"
        self._layout = layout

    def _row(self, trade: Trade) -> tuple[int, ...]:
        high, low = divmod(trade.quantity, _WORD)
        return (
            trade.trade_id,
            trade.trade_time,
            trade.event_time,
            trade.price,
            low - _WORD if low >= _WORD // 2 else low,
            high,
            int(trade.buyer_is_maker),
            scan.ABSENT if trade.buyer_order_id is None else trade.buyer_order_id,
            scan.ABSENT if trade.seller_order_id is None else trade.seller_order_id,
            self._number(trade.symbol),
        )

    def _number(self, symbol: str) -> int:
        """Return the number of a symbol; where `scan` has room for it, it will know it from now on."""
        assert self._layout is not None
        if not self._layout.has_symbols:
            return 0
        number = self._numbers.get(symbol)
        if number is None:
            number = scan.place(symbol.encode(), self._texts, self._lengths) or scan.SLOTS + 1 + len(self._numbers)
            self._numbers[symbol] = number
            self._instruments[number] = f"{EXCHANGE}:{symbol}"
        return number
