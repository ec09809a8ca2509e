"""What real agents recorded in a simulated run without faults: leaders and books with many checkpoints."""

import asyncio
import logging
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from schemas.records import Record
from streams.audit.chains import NOTHING, prove
from streams.audit.decisions import Decisions, Known
from streams.audit.differences import Difference
from streams.audit.journal import Recorded, trades_of
from streams.audit.stretches import Retained, Start, Subject, cut, provable, subjects
from streams.trading.book import Tape
from tests.simulation.invariants import KINDS, committed
from tests.simulation.loop import SimulatedLoop
from tests.simulation.world import CODECS, INSTRUMENTS, World, market_of

KEY = INSTRUMENTS[0]
TOPICS = ("checkpoints", "orders", "applied", "fills")


@dataclass(frozen=True)
class Topics:
    """The records of one instrument by topic, and its trades."""

    records: dict[str, list[tuple[int, Record]]]
    tape: Tape

    def since(self, offsets: dict[str, int]) -> "Topics":
        """Without what comes before these offsets, as if it had expired."""
        kept = {
            topic: [(at, record) for at, record in found if at >= offsets.get(topic, 0)]
            for topic, found in self.records.items()
        }
        rows = self.tape.offsets >= offsets.get("trades", 0)
        return Topics(kept, Tape(*(column[rows] for column in self.tape)))

    def upto(self, ends: dict[str, int]) -> "Topics":
        """As they were when they ended at these offsets."""
        kept = {
            topic: [(at, record) for at, record in found if at < ends[topic]] for topic, found in self.records.items()
        }
        rows = self.tape.offsets < ends["trades"]
        return Topics(kept, Tape(*(column[rows] for column in self.tape)))

    def end(self, topic: str) -> int:
        """The offset after the last record."""
        if topic == "trades":
            return int(self.tape.offsets[-1]) + 1
        return max((at for at, _ in self.records[topic]), default=-1) + 1

    def changed(self, topic: str, at: int, record: Record) -> "Topics":
        """With another record in place of the one at this position in the list."""
        found = list(self.records[topic])
        found[at] = (found[at][0], record)
        return Topics({**self.records, topic: found}, self.tape)

    def with_more(self, topic: str, record: Record) -> "Topics":
        """With one more record at the end of a topic."""
        return Topics({**self.records, topic: [*self.records[topic], (self.end(topic), record)]}, self.tape)


@cache
def world_of(seed: int) -> World:
    """A run that is over."""
    loop = SimulatedLoop()
    asyncio.set_event_loop(loop)
    market = replace(market_of(seed), trades=600, partial_fills=True)
    world = World(seed, market, (), committed)
    logging.disable(logging.CRITICAL)
    try:
        loop.run_until_complete(world.run())
    finally:
        logging.disable(logging.NOTSET)
        asyncio.set_event_loop(None)
        loop.close()
    assert not world.findings
    return world


def topics_of(seed: int) -> Topics:
    """What a run recorded of one instrument."""
    world = world_of(seed)
    found = {topic: _decoded(world, topic) for topic in (*TOPICS, "trades")}
    names = ("price", "quantity", "trade_id", "trade_time")
    columns = [[at for at, _ in found["trades"]], *([getattr(each, n) for _, each in found["trades"]] for n in names)]
    tape = Tape(*(np.array(column, np.int64) for column in columns))
    return Topics({topic: found[topic] for topic in TOPICS}, tape)


def _decoded(world: World, topic: str) -> list[tuple[int, Any]]:
    codec = CODECS[KINDS[topic]]
    return [(r.offset, codec.decode(r.value)) for r in world.broker.history(topic) if r.key == KEY.encode()]


def decisions_of(topics: Topics, known: Known | None = None) -> Decisions:
    """What is read of these topics."""
    decisions = Decisions(0, known)
    for topic in TOPICS:
        first = decisions.begin(topic, 0, topics.end(topic))
        for at, record in topics.records[topic]:
            if at >= first:
                decisions.add(topic, at, record)
    return decisions


def recorded_of(topics: Topics, known: Known | None = None) -> Recorded:
    """Everything recorded of the instrument."""
    (recorded,) = decisions_of(topics, known).recorded()
    return replace(recorded, trades=trades_of(topics.tape))


def proven(subject: Subject, begin: Start, tape: Tape, width: int) -> list[Difference]:
    """The differences of one leader or book; a chain is also shown trades after its end, as others may need them."""
    found = list(subject.differences)
    for chain in cut(subject, begin, width):
        rows = tape.offsets >= chain.first
        found += prove(chain, Tape(*(column[rows] for column in tape)) if rows.any() else NOTHING)
    return found


def differences_of(topics: Topics, width: int = 1, retained: Retained | None = None) -> list[Difference]:
    """All differences, from the earliest place on that can be proven."""
    found = []
    for subject in subjects(recorded_of(topics)):
        begins = provable(subject, retained or Retained())
        found += proven(subject, begins[0], topics.tape, width) if begins else subject.differences
    return found
