"""Recorded trades to send again: from files or from the live topic, those of all files or partitions by event time.

Files are sorted (`producers.recorded.ordered`); within a partition the order is kept as it is.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.config import Config
from infra.progress import Progress
from producers.recorded.finding import is_archive
from producers.recorded.ordered import by_time, ordered
from producers.source import BadRecord, Event
from schemas.codec import Codec, CodecError
from schemas.reader import Partition
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.spans import Span, partition_of, records
from schemas.times import Between, within
from schemas.topics import TRADES
from streams.topics.read import existing, spans_between

TELL_EVERY = 20_000


@dataclass
class Tape:
    """Recorded events, to be iterated once. `read` counts those looked at so far, of `total` where that is known.

    `progress` hears of both now and then. Once it is `closed`, the tape ends.
    """

    source: str
    recorded: Iterator[Event]
    instruments: Collection[str] | None
    """Only the trades of these; what is no trade belongs to all."""
    between: Between
    total: int | None
    progress: Progress
    read: int = 0
    closed: bool = False

    def __iter__(self) -> Iterator[Event]:
        for event in self.recorded:
            if self.closed:
                return
            self.read += 1
            if not self.read % TELL_EVERY:
                self.tell()
            if isinstance(event, BadRecord) or self._wanted(event):
                yield event

    def tell(self) -> None:
        """Say how far it is."""
        self.progress(self.read, self.total)

    def _wanted(self, trade: Trade) -> bool:
        known = self.instruments is None or trade.instrument in self.instruments
        return known and within(self.between, trade.trade_time)


def tape_of_files(
    paths: Sequence[Path], instruments: Collection[str] | None, between: Between, progress: Progress
) -> Tape:
    """Return the trades with a trade time in `between` of files of lines and of archives, each trade once.

    `producers.recorded.errors.FileError` comes from what is no recording, and from two trades under one id.
    """
    files = list(paths)
    if any(map(is_archive, paths)):
        from streams.replay.archived import days_of  # noqa: PLC0415 -- pyarrow takes its time

        files = days_of(paths, instruments, between)
    recorded = ordered(files)
    source = ", ".join(map(str, paths))
    return Tape(source, by_time(recorded.sources), instruments, between, recorded.events, progress)


def tape_of_topic(config: Config, instruments: Collection[str] | None, between: Between, progress: Progress) -> Tape:
    """Return the trades of the topic in records that were written at a time in `between`, up to its present end.

    What is no trade is a `BadRecord` with the bytes as they are. Raises `TopicsMissing`.
    """
    name, codec = TRADES.full_name(config), make_codec(config, Trade)
    wanted = existing(config, TRADES)
    if instruments is not None:
        numbers = {partition_of(instrument, len(wanted)) for instrument in instruments}
        wanted = [(name, number) for name, number in wanted if number in numbers]
    spans = spans_between(config, wanted, between)
    parts = [_recorded(config, partition, span, codec) for partition, span in spans.items()]
    total = sum(end - first for first, end in spans.values())
    return Tape(f"topic {name}", by_time(parts), instruments, (None, None), total, progress)


def _recorded(config: Config, partition: Partition, span: Span, codec: Codec[Trade]) -> Iterator[Event]:
    """Yield the records of a part of a partition."""
    for message in records(config, {partition: span}):
        value = message.value()
        try:
            yield codec.decode(value)
        except CodecError as error:
            name, number = partition
            yield BadRecord(f"{name}:{number}:{message.offset()}", value or b"", str(error))
