"""Reads of what was recorded of an instrument only what has to do with one order: from the checkpoints before it on."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from infra.config import Config
from schemas import topics
from schemas.codec import CodecError
from schemas.journal_records import LEADER, Applied
from schemas.records import Fill, Order, Trade
from schemas.registry import make_codec
from schemas.spans import Span
from schemas.topics import Topic
from streams.audit.differences import counting
from streams.audit.journal import Recorded, trades_of
from streams.audit.locate import Marked, stretches_of
from streams.audit.reader import Recordings
from streams.topics.consume import Consuming, trade_batches
from streams.topics.read import spans_between
from streams.trading.book import Tape
from streams.trading.checkpoints import LAYOUTS, state_of
from streams.trading.leader import LeaderState

SKEW_MS = 60_000
"""The clocks of two workers may differ by so much: records are sought from so long before a checkpoint to after it."""


def recorded_of_trader(config: Config, instrument: str, partition: int, trader: int) -> list[Recorded]:
    """Return the stretches in which something happened to a trader; none where the instrument has no leader."""
    with Consuming(config) as consuming:
        reader = _Reader(config, consuming, instrument, partition)
        marks = reader.marks()
        fresh = reader.anew is None and not any(reader.recordings.retained(partition))
        return [reader.stretch(*found) for found in stretches_of(trader, marks, fresh)]


class _Reader:
    """Reads records of one instrument's leader."""

    def __init__(self, config: Config, consuming: Consuming, instrument: str, partition: int) -> None:
        self._config = config
        self._consuming = consuming
        self._instrument = instrument
        self._partition = partition
        self.recordings = Recordings(config, [instrument])
        self.anew: str | None = None
        """The topic that was made anew last, once the checkpoints were read."""

    def marks(self) -> list[Marked]:
        """Return the checkpoints of the leader that can be read, and after which all is there that there was."""
        found = list(self._records(topics.CHECKPOINTS, self.recordings.span(topics.CHECKPOINTS, self._partition)))
        times = {offset: time for offset, time, _ in found}
        retained = self.recordings.retained(self._partition)
        counted = counting((offset, mark) for offset, _, mark in found if mark.agent == LEADER)
        anew = max(((m.version, m.made_anew) for m in counted.values() if m.made_anew), default=(0, None))
        since, self.anew = anew
        marks = [
            Marked(times[offset], mark)
            for offset, mark in counted.items()
            if mark.layout == LAYOUTS[LeaderState]
            and mark.trades_offset + 1 >= retained.trades
            and mark.version >= since
        ]
        return sorted(marks, key=lambda mark: (mark.checkpoint.version, mark.checkpoint.trades_offset))

    def stretch(self, begin: Marked | None, end: Marked | None) -> Recorded:
        """Return what was recorded from one checkpoint to another, or to the end."""
        orders, journal = self._made(begin, end, whole=False)
        if not _complete(orders, journal, begin, end):
            orders, journal = self._made(begin, end, whole=True)
        taken = [entry.input_offset for entry in journal if entry.input_topic == "fills"]
        fills = self._fills(min(taken), max(taken) + 1) if taken else {}
        return Recorded(
            instrument=self._instrument,
            partition=self._partition,
            trades=trades_of(self._tape(begin, end)),
            orders=orders,
            journal=journal,
            fills=fills,
            begin=None if begin is None else state_of(begin.checkpoint, LeaderState),
            anew=self.anew,
        )

    def _made(self, begin: Marked | None, end: Marked | None, whole: bool) -> tuple[list[Order], list[Applied]]:
        above = 0 if begin is None else begin.checkpoint.version
        upto = None if end is None else end.checkpoint.version
        epoch = 0 if begin is None else begin.checkpoint.epoch
        found: dict[Topic, list[Any]] = {}
        for topic in (topics.ORDERS, topics.APPLIED):
            span = self._span(topic, begin, end, whole)
            records = [(at, record) for at, _, record in self._records(topic, span) if _is_leaders(record)]
            counted = counting(records, epoch).values()
            found[topic] = [each for each in counted if each.version > above and (upto is None or each.version <= upto)]
        return found[topics.ORDERS], found[topics.APPLIED]

    def _span(self, topic: Topic, begin: Marked | None, end: Marked | None, whole: bool) -> Span:
        """Return where the records between two checkpoints are, by the times at which they were written."""
        first, last = self.recordings.span(topic, self._partition)
        if whole or (begin is None and end is None):
            return first, last
        since = None if begin is None else (begin.time - SKEW_MS) * 1_000
        until = None if end is None else (end.time + SKEW_MS) * 1_000
        place = (topic.full_name(self._config), self._partition)
        within_first, within_last = spans_between(self._config, [place], (since, until))[place]
        return within_first, min(within_last, last)

    def _fills(self, first: int, end: int) -> dict[int, Fill]:
        kept, last = self.recordings.span(topics.FILLS, self._partition)
        return {at: fill for at, _, fill in self._records(topics.FILLS, (max(first, kept), min(end, last)))}

    def _tape(self, begin: Marked | None, end: Marked | None) -> Tape:
        kept, last = self.recordings.span(topics.TRADES, self._partition)
        first = kept if begin is None else max(kept, begin.checkpoint.trades_offset + 1)
        upto = last if end is None else min(last, end.checkpoint.trades_offset + 1)
        place = (topics.TRADES.full_name(self._config), self._partition)
        codec = make_codec(self._config, Trade)
        parts = [found for _, found in trade_batches(self._config, place, (first, upto), [self._instrument], codec)]
        columns = [np.concatenate([np.zeros(0, np.int64), *(part[at] for part in parts)]) for at in range(1, 6)]
        return Tape(*columns)

    def _records(self, topic: Topic, span: Span) -> Iterator[tuple[int, int, Any]]:
        """Yield offset, time (ms) and content of the instrument's records in a span."""
        assert topic.record is not None
        codec, key = make_codec(self._config, topic.record), self._instrument.encode()
        for batch in self._consuming.batches({(topic.full_name(self._config), self._partition): span}):
            for message in batch:
                if message.key == key:
                    try:
                        yield message.offset, message.timestamp, codec.decode(message.value)
                    except CodecError:
                        continue


def _is_leaders(record: Order | Applied) -> bool:
    return not isinstance(record, Applied) or record.agent == LEADER


def _complete(orders: list[Order], journal: list[Applied], begin: Marked | None, end: Marked | None) -> bool:
    """Return whether there is a record of each version between two checkpoints."""
    versions = {record.version for record in orders} | {record.version for record in journal}
    above = 0 if begin is None else begin.checkpoint.version
    upto = max(versions, default=above) if end is None else end.checkpoint.version
    return len(versions) == upto - above
