"""Recorded trades one by one: the project's own recordings, Binance's public archive, Parquet files of an archive.

What the layouts are is in `layouts.py`, what a line has to be in `lines.py`, in which files they may be in
`unpacked.py`. Here is every line of a file in its order; `ordered.py` sorts, and counts repeated trades once.
"""

from collections.abc import Iterator
from pathlib import Path

from producers.recorded import scan
from producers.recorded.blocks import Block, blocks_of
from producers.recorded.errors import FileError
from producers.recorded.naming import EXCHANGE, PARQUET
from producers.recorded.unpacked import Part, parts_of
from producers.source import BadRecord, Event
from schemas.records import Trade

_WORD = 2**64


def read_trades(path: Path | str) -> Iterator[Trade]:
    """Yield every trade of a file, in its order. A bad line raises `FileError`.

    Nobody knows when a recorded trade was received: `received_time` is its event time.
    """
    for event in read_events(path):
        if isinstance(event, BadRecord):
            raise FileError(f"{event.origin}: {event.error}")
        yield event


def read_events(path: Path | str) -> Iterator[Event]:
    """Yield every line of a file as a trade, or as a `BadRecord` that names file, line, field and value."""
    path = Path(path)
    if path.suffix == PARQUET:
        yield from _parquet(path)
        return
    for part in parts_of(path):
        yield from part_events(part)


def part_events(part: Part) -> Iterator[Event]:
    """Yield every line of a file of lines, as `read_events` does."""
    for block in blocks_of(part):
        yield from _events(block)


def _parquet(path: Path) -> Iterator[Event]:
    from producers.recorded.parquet import read_parquet  # noqa: PLC0415 -- slow to import, and only needed here

    try:
        yield from read_parquet(path)
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: {error}") from error


def _events(block: Block) -> Iterator[Event]:
    first = 0
    for row, bad in block.bad:
        yield from _trades(block, first, row)
        yield bad
        first = row
    yield from _trades(block, first, len(block))


def _trades(block: Block, first: int, end: int) -> Iterator[Trade]:
    for trade_id, traded, sent, price, low, high, maker, buyer, seller, symbol in block.columns[
        :, first:end
    ].T.tolist():
        yield Trade(
            exchange=EXCHANGE,
            symbol=block.symbols[symbol],
            price=price,
            quantity=low if low >= 0 and not high else high * _WORD + low % _WORD,
            trade_id=trade_id,
            trade_time=traded,
            event_time=sent,
            received_time=sent,
            buyer_is_maker=maker == 1,
            buyer_order_id=None if buyer == scan.ABSENT else buyer,
            seller_order_id=None if seller == scan.ABSENT else seller,
        )
