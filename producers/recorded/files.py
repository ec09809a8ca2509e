"""Recorded trades: the project's own recordings and Binance's public archive, read and replayed.

Layouts, told apart by the header or, where there is none, by the number of columns:

* recordings: `event_type,event_time,symbol,trade_id,price,quantity,buyer_order_id,seller_order_id,trade_time,
  buyer_market_maker`, with header;
* archive: `id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch`, with or without header, one symbol a file named
  `SYMBOL-trades-DATE`; times in milliseconds until 2024, in microseconds since.

Files are `.csv`, `.csv.gz` or `.zip` with one member, or `.parquet`, which is of `hedgehog archive`. Rows keep the
file's order, whatever their times and ids.
"""

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TextIO, cast

from producers.numbers import micros, units
from producers.source import BadRecord, Event
from schemas.records import Trade

EXCHANGE = "binance"
PARQUET = ".parquet"
CHUNK_BYTES = 1 << 20
RECORDING = [
    "event_type",
    "event_time",
    "symbol",
    "trade_id",
    "price",
    "quantity",
    "buyer_order_id",
    "seller_order_id",
    "trade_time",
    "buyer_market_maker",
]
ARCHIVE = ["id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"]
SYMBOL_IN_NAME = re.compile(r"^([A-Z0-9]{2,32})-")
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class FileError(ValueError):
    """A file that is no recording of trades; the message names the file and what is wrong."""


@dataclass(frozen=True)
class _Layout:
    columns: list[str]
    parse: Callable[[list[str], str], Trade]


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
    with _open(path) as lines:
        layout: _Layout | None = None
        for number, line in enumerate(lines, start=1):
            text = line.rstrip("\r\n")
            if not text:
                continue
            cells = next(csv.reader([text])) if '"' in text else text.split(",")
            if layout is None:
                layout = _layout(path, cells)
                if cells == layout.columns:
                    continue
            try:
                yield _trade(layout, cells, path)
            except ValueError as error:
                yield BadRecord(f"{path.name}:{number}", text.encode(errors="surrogateescape"), str(error))


def is_archive(path: Path) -> bool:
    """Return whether a path is what `hedgehog archive` writes: a folder, or a Parquet file of one."""
    return path.suffix == PARQUET or path.is_dir()


def columns_of(path: Path) -> tuple[list[str], bool]:
    """Return the columns of a file, by its first line, and whether that line names them; no columns if it is empty.

    Raises `FileError` for what is neither of the two layouts.
    """
    with _open(path) as lines:
        for line in lines:
            cells = line.rstrip("\r\n").split(",")
            if cells != [""]:
                columns = _layout(path, cells).columns
                return columns, cells == columns
    return [], False


def _parquet(path: Path) -> Iterator[Event]:
    from producers.recorded.parquet import read_parquet  # noqa: PLC0415 -- slow to import, and only needed here

    try:
        yield from read_parquet(path)
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: {error}") from error


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    """The lines of a file. Bytes that are no UTF-8 are kept, so that they end up in the dead letters as they are."""
    with open_unpacked(path) as data:
        yield io.TextIOWrapper(data, "utf-8", "surrogateescape", newline="\n")


def count_lines(paths: Sequence[Path]) -> int | None:
    """Return how many lines the files have, in a fraction of the time that reading takes; None if that fails."""
    try:
        return sum(map(_count_lines, paths))
    except FileError:
        return None  # whoever reads the file says what is wrong


def _count_lines(path: Path) -> int:
    with open_unpacked(path) as data:
        return sum(chunk.count(b"\n") for chunk in iter(partial(data.read, CHUNK_BYTES), b""))


@contextmanager
def open_unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file or of what is packed in it. Raises `FileError`, also while they are read."""
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                if len(names) != 1:
                    raise FileError(f"{path}: holds {len(names)} files instead of one")
                with archive.open(names[0]) as member:
                    yield member
        elif path.suffix == ".gz":
            with gzip.open(path) as packed:
                yield cast(IO[bytes], packed)
        else:
            with path.open("rb") as file:
                yield file
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise FileError(f"{path}: {error}") from error


def _layout(path: Path, cells: list[str]) -> _Layout:
    """Return the layout that a file's first line shows."""
    if cells == RECORDING:
        return _Layout(RECORDING, _recorded)
    if cells == ARCHIVE or (len(cells) == len(ARCHIVE) and cells[0].isdigit()):
        symbol = SYMBOL_IN_NAME.match(path.name)
        if not symbol:
            raise FileError(f"{path}: the name does not begin with a symbol, as in XRPUSDT-trades-2025-01-01.zip")
        return _Layout(ARCHIVE, _archived)
    raise FileError(
        f"{path}: line 1: {','.join(cells)[:100]!r} is neither a recording ({','.join(RECORDING)}) "
        f"nor of the archive ({','.join(ARCHIVE)})"
    )


def _trade(layout: _Layout, cells: list[str], path: Path) -> Trade:
    if len(cells) != len(layout.columns):
        raise ValueError(f"{len(cells)} fields instead of {len(layout.columns)}")
    trade = layout.parse(cells, path.name.split("-", 1)[0])
    trade.check_amounts()
    return trade


def _recorded(cells: list[str], _: str) -> Trade:
    kind, event_time, symbol, trade_id, price, quantity, buyer, seller, trade_time, maker = cells
    if kind != "trade":
        raise ValueError(f"event_type: {kind!r} is not 'trade'")
    if not symbol:
        raise ValueError("symbol: '' is empty")
    sent = micros(_integer(event_time, "event_time"), "event_time")
    return Trade(
        exchange=EXCHANGE,
        symbol=symbol,
        price=units(price, "price"),
        quantity=units(quantity, "quantity"),
        trade_id=_integer(trade_id, "trade_id"),
        trade_time=micros(_integer(trade_time, "trade_time"), "trade_time"),
        event_time=sent,
        received_time=sent,
        buyer_is_maker=_boolean(maker, "buyer_market_maker"),
        buyer_order_id=_integer(buyer, "buyer_order_id") if buyer else None,
        seller_order_id=_integer(seller, "seller_order_id") if seller else None,
    )


def _archived(cells: list[str], symbol: str) -> Trade:
    trade_id, price, quantity, _, traded, maker, _ = cells
    trade_time = micros(_integer(traded, "time"), "time")
    return Trade(
        exchange=EXCHANGE,
        symbol=symbol,
        price=units(price, "price"),
        quantity=units(quantity, "qty"),
        trade_id=_integer(trade_id, "id"),
        trade_time=trade_time,
        event_time=trade_time,
        received_time=trade_time,
        buyer_is_maker=_boolean(maker, "isBuyerMaker"),
    )


def _integer(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{field}: {text!r} is not a whole number")
    return int(text)


def _boolean(text: str, field: str) -> bool:
    if text not in BOOLEANS:
        raise ValueError(f"{field}: {text!r} is neither true nor false")
    return BOOLEANS[text]
