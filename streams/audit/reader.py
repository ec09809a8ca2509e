"""Reads what was recorded, a partition at a time: everything about an instrument is in the same one of every topic."""

from collections.abc import Collection
from typing import Any

from infra.config import Config
from schemas import topics
from schemas.broker import admin
from schemas.codec import Codec, CodecError
from schemas.registry import make_codec
from schemas.spans import Span, partition_of, partitions, spans
from schemas.topics import Topic
from streams.audit.decisions import Decisions, Known
from streams.audit.stretches import Retained
from streams.topics.consume import Consuming
from streams.topics.read import spans_between

DECIDED = (topics.CHECKPOINTS, topics.ORDERS, topics.APPLIED, topics.FILLS)
"""What leaders and books made; the checkpoints first, by which it is known what of the rest is needed again."""


class Recordings:
    """What was recorded under a configuration's topics, or of some `instruments`, up to where these end now."""

    def __init__(self, config: Config, instruments: Collection[str] | None = None) -> None:
        self._config = config
        self._wanted = instruments
        self._codecs: dict[str, Codec[Any]] = {
            topic.full_name(config): make_codec(config, topic.record) for topic in DECIDED if topic.record
        }
        client = admin(config)
        self._spans = spans(client, partitions(client, [topics.TRADES.full_name(config), *self._codecs]))

    def partitions(self) -> list[int]:
        """Return the partitions that have orders, journal entries or fills, of the instruments asked for."""
        sources = [topic.full_name(self._config) for topic in (topics.ORDERS, topics.APPLIED, topics.FILLS)]
        numbers = {n for (topic, n), (first, end) in self._spans.items() if topic in sources and first < end}
        if self._wanted is None:
            return sorted(numbers)
        count = sum(topic == sources[0] for topic, _ in self._spans)
        return sorted(numbers & {partition_of(instrument, count) for instrument in self._wanted})

    def span(self, topic: Topic, partition: int) -> Span:
        """Return the first offset of a partition and its end."""
        return self._spans.get((topic.full_name(self._config), partition), (0, 0))

    def retained(self, partition: int) -> Retained:
        """Return the first offsets that are still there."""
        kept = (topics.TRADES, topics.ORDERS, topics.APPLIED, topics.FILLS)
        return Retained(*(self.span(topic, partition)[0] for topic in kept))

    def written_since(self, moment: int | None) -> dict[int, int]:
        """Return by partition the first offset of the checkpoints written at or after a time (µs); none without one."""
        if moment is None:
            return {}
        name = topics.CHECKPOINTS.full_name(self._config)
        wanted = [place for place in self._spans if place[0] == name]
        found = spans_between(self._config, wanted, (moment, None))
        return {partition: first for (_, partition), (first, _) in found.items()}

    def decided(self, consuming: Consuming, partition: int, known: Known | None = None) -> Decisions:
        """Return what leaders and books made, without trades: all of it, or what is not known to be proven."""
        decisions = Decisions(partition, known)
        for topic in DECIDED:
            self._gather(consuming, decisions, topic)
        return decisions

    def _gather(self, consuming: Consuming, decisions: Decisions, topic: Topic) -> None:
        """Take in the records of a topic but what the worker leaves out: no record, or another's key."""
        name = topic.full_name(self._config)
        codec = self._codecs[name]
        wanted = None if self._wanted is None else {instrument.encode() for instrument in self._wanted}
        first, end = self.span(topic, decisions.partition)
        first = decisions.begin(topic.name, first, end)
        for batch in consuming.batches({(name, decisions.partition): (first, end)}):
            for message in batch:
                if wanted is not None and message.key not in wanted:
                    continue
                try:
                    record = codec.decode(message.value)
                except CodecError:
                    continue
                if message.key == record.instrument.encode():
                    decisions.add(topic.name, message.offset, record)
