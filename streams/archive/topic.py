"""The topic of trades as rows for the archive: consumed again, whatever order and repetition its records have."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from infra.config import Config
from infra.progress import Progress
from producers.recorded.merge import DAY_US
from producers.recorded.rows import Rows, from_trades, taken
from schemas.codec import Codec, CodecError
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.times import Between
from schemas.topics import TRADES
from streams.archive.store import Block
from streams.topics.consume import record_batches
from streams.topics.lean import Record
from streams.topics.read import partitions_of, spans_between


@dataclass
class LeftOut:
    """How many records of each instrument were not taken: no trades of it, or of a day that is not over."""

    unreadable: dict[str, int] = field(default_factory=dict)
    open_day: dict[str, int] = field(default_factory=dict)


def topic_blocks(
    config: Config,
    instruments: Sequence[str],
    between: Between,
    open_day: int,
    left: LeftOut,
    progress: Progress | None = None,
) -> Iterator[Block]:
    """Yield the trades of the instruments in records that were written at a time in `between`, up to the present end.

    Those of `open_day` and later, and what cannot be read, are counted in `left`. Each partition is read once. Raises
    `TopicsMissing`, and `Unreachable` when the broker stops sending.
    """
    name, codec = TRADES.full_name(config), make_codec(config, Trade)
    numbers = partitions_of(config, TRADES, instruments)
    wanted = [(name, number) for number in sorted(set(numbers.values()))]
    for batch in record_batches(config, spans_between(config, wanted, between), progress):
        for instrument, number in numbers.items():
            rows = _closed(_decoded(instrument, batch, codec, left), instrument, open_day, left)
            if len(rows):
                yield Block(instrument, rows, f"{name} partition {number}")


def _decoded(instrument: str, batch: list[Record], codec: Codec[Trade], left: LeftOut) -> Rows:
    trades, key = [], instrument.encode()
    for message in batch:
        if message.key != key:
            continue
        try:
            trade = codec.decode(message.value)
        except CodecError:
            trade = None
        if trade is None or trade.instrument != instrument:
            left.unreadable[instrument] = left.unreadable.get(instrument, 0) + 1
        else:
            trades.append(trade)
    return from_trades(trades)


def _closed(rows: Rows, instrument: str, open_day: int, left: LeftOut) -> Rows:
    """Return the rows of days that are over."""
    closed = rows["trade_time"] // DAY_US < open_day
    if not closed.all():
        left.open_day[instrument] = left.open_day.get(instrument, 0) + int(np.count_nonzero(~closed))
    return taken(rows, closed)
