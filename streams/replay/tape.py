"""Recorded trades to send again: from files or from the live topic, those of all files or partitions by event time.

Within a file or a partition the order is kept as it is. Nothing is held in memory but what a reader has ahead.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter
from pathlib import Path

from confluent_kafka import TopicPartition

from infra.config import Config
from producers.recorded.files import read_events
from producers.source import BadFrame, Event
from schemas.codec import Codec, CodecError
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.topics import TRADES
from streams.cli.errors import Unreachable
from streams.recordings.files import PARQUET, TELL_EVERY, Between, Told, count_lines
from streams.recordings.topic import partition_of, spans_between
from streams.topics.read import admin, partitions, to_the_end

Timed = tuple[int, Event]
"""An event with the event time at which it is sorted in: that of the trade before it where it is none."""


@dataclass
class Tape:
    """Recorded events, to be iterated once. `read` counts those looked at so far, of `total` where that is known.

    `told` hears of both now and then. Once it is `closed`, the tape ends.
    """

    source: str
    recorded: Iterator[Event]
    instruments: Collection[str] | None
    """Only the trades of these; what is no trade belongs to all."""
    between: Between
    total: int | None
    told: Told
    read: int = 0
    closed: bool = False

    def __iter__(self) -> Iterator[Event]:
        for event in self.recorded:
            if self.closed:
                return
            self.read += 1
            if not self.read % TELL_EVERY:
                self.tell()
            if isinstance(event, BadFrame) or self._wanted(event):
                yield event

    def tell(self) -> None:
        """Say how far it is."""
        self.told(self.read, self.total)

    def _wanted(self, trade: Trade) -> bool:
        since, until = self.between
        return (
            (self.instruments is None or trade.instrument in self.instruments)
            and (since is None or trade.trade_time >= since)
            and (until is None or trade.trade_time < until)
        )


def tape_of_files(paths: Sequence[Path], instruments: Collection[str] | None, between: Between, told: Told) -> Tape:
    """The trades of files with a trade time in `between`: the layouts of `recorded.files`, and archives in Parquet.

    `producers.recorded.files.FileError` comes from what is no recording: from an archive now, else while it is read.
    """
    archives = [path for path in paths if path.is_dir() or path.suffix == PARQUET]
    files = [path for path in paths if path not in archives]
    parts: list[Iterator[Event]] = [read_events(path) for path in files]
    total = count_lines(files)
    if archives:
        from streams.replay.archived import archived_days, archived_trades  # noqa: PLC0415 -- pyarrow takes its time

        days = archived_days(archives, instruments, between).values()
        parts += map(archived_trades, days)
        total = None if total is None else total + sum(manifest.rows for some in days for manifest, _ in some)
    return Tape(", ".join(map(str, paths)), _by_time([*map(_timed, parts)]), instruments, between, total, told)


def tape_of_topic(config: Config, instruments: Collection[str] | None, between: Between, told: Told) -> Tape:
    """The trades of this installation's topic whose records were written at a time in `between`, up to its present end.

    What is no trade is a `BadFrame` with the bytes as they are. Raises `Unreachable` where the topic is missing.
    """
    name, codec = TRADES.full_name(config), make_codec(config, Trade)
    known = partitions(admin(config), [name]).get(name, [])
    if not known:
        raise Unreachable(f"topic {name} on {config.bootstrap} is missing", hint="hedgehog topics create")
    if instruments is not None:
        numbers = {partition_of(instrument, len(known)) for instrument in instruments}
        known = [place for place in known if place.partition in numbers]
    spans = {n: span for n, span in spans_between(config, known, between).items() if span[0] < span[1]}
    parts = [
        _timed(_partition(config, TopicPartition(name, n, first), end, codec)) for n, (first, end) in spans.items()
    ]
    total = sum(end - first for first, end in spans.values())
    return Tape(f"topic {name}", _by_time(parts), instruments, (None, None), total, told)


def _partition(config: Config, place: TopicPartition, end: int, codec: Codec[Trade]) -> Iterator[Event]:
    """The records of a partition from a place to an offset."""
    for message in to_the_end(config, [place]):
        offset, value = message.offset() or 0, message.value()
        if offset >= end:
            return
        try:
            yield codec.decode(value)
        except CodecError as error:
            yield BadFrame(f"{place.topic}:{place.partition}:{offset}", value or b"", str(error))
        if offset == end - 1:
            return


def _timed(events: Iterator[Event]) -> Iterator[Timed]:
    at = 0
    for event in events:
        if isinstance(event, Trade):
            at = event.event_time
        yield at, event


def _by_time(parts: Sequence[Iterator[Timed]]) -> Iterator[Event]:
    return (event for _, event in merge(*parts, key=itemgetter(0)))
