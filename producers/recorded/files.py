"""Recorded trades one by one: the project's own recordings, Binance's public archive, Parquet files of an archive.

What the layouts are is in `layouts.py`, what a line has to be in `lines.py`, in which files they may be in
`unpacked.py`. Here is every line of a file in its order; `ordered.py` sorts, and counts repeated trades once.
"""

from collections.abc import Iterator
from pathlib import Path

from producers.recorded import scan
from producers.recorded.block import Block
from producers.recorded.blocks import blocks_of
from producers.recorded.errors import FileError
from producers.recorded.unpacked import Part, parts_of
from producers.source import BadRecord, Event
from schemas.records import Trade
from schemas.symbols import split_instrument

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
    for part in parts_of(Path(path)):
        yield from part_events(part)


def part_events(part: Part) -> Iterator[Event]:
    """Yield every line of a file, or of one file in a `.zip`, as `read_events` does."""
    for block in blocks_of(part):
        yield from _events(block)


def _events(block: Block) -> Iterator[Event]:
    first = 0
    for row, bad in block.bad:
        yield from _trades(block, first, row)
        yield bad
        first = row
    yield from _trades(block, first, len(block))


def _trades(block: Block, first: int, end: int) -> Iterator[Trade]:
    names = {number: split_instrument(instrument) for number, instrument in block.instruments.items()}
    received = block.columns[scan.EVENT_TIME] if block.received is None else block.received
    rows = zip(block.columns[:, first:end].T.tolist(), received[first:end].tolist(), strict=True)
    for (trade_id, traded, sent, price, low, high, maker, buyer, seller, instrument), received_time in rows:
        exchange, symbol = names[instrument]
        yield Trade(
            exchange=exchange,
            symbol=symbol,
            price=price,
            quantity=low if low >= 0 and not high else high * _WORD + low % _WORD,
            trade_id=trade_id,
            trade_time=traded,
            event_time=sent,
            received_time=received_time,
            buyer_is_maker=maker == 1,
            buyer_order_id=None if buyer == scan.ABSENT else buyer,
            seller_order_id=None if seller == scan.ABSENT else seller,
        )
