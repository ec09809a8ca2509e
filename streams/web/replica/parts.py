"""Looks at the parts of the pipeline, each in its own time, and puts onto the board what it sees."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from connectors.interface import ConnectError, states
from infra import probes
from infra.config import Config
from infra.errors import StackError
from schemas import topics
from schemas.broker import admin, topic_ids
from schemas.coordinators import members
from schemas.groups import notifier_group, sink_group
from schemas.offsets import Committed, committed
from schemas.topics import ALERTS, DEAD_LETTER_TOPICS, FILLS, ORDERS, SINKS, TRADES
from streams.topics.lag import worker_groups
from streams.topics.read import count
from streams.web.model.board import PARTS, PIPELINE
from streams.web.model.pipeline import Behind, Facts, Part, Sink, facts_of, stage_of
from streams.web.replica.replica import Replica

log = logging.getLogger(__name__)

TREND = 120
PROBES: dict[str, Callable[[Config], None]] = {
    "broker": probes.broker,
    "registry": lambda config: probes.registry(config.registry),
    "connect": lambda config: probes.connect(config.connect),
    "postgres": lambda config: probes.database(config.database),
}


class Parts:
    """What looks at the parts of one installation."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._config = replica.config
        self._admin: AdminClient | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        looks: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (1.0, self._lags),
            (1.0, self._rates),
            (2.0, self._servers),
            (3.0, self._sinks),
            (5.0, self._topics),
        ]
        await asyncio.gather(*(self._each(seconds, look) for seconds, look in looks))

    @property
    def facts(self) -> Facts:
        """What was seen so far."""
        return facts_of(self._replica.board)

    def _has_broker(self) -> bool:
        broker = self.facts.parts.get("broker")
        return broker is not None and broker.up

    async def _each(self, seconds: float, look: Callable[[], Awaitable[None]]) -> None:
        of_broker = (self._lags, self._topics)
        while True:
            try:
                # a client waits long for a broker that is not there, and nobody could end this process meanwhile
                if look not in of_broker or self._has_broker():
                    await look()
            except (StackError, KafkaException, ConnectError, OSError, TimeoutError) as error:
                log.debug("%s: %s", look.__name__, error)  # the part that does not answer is told by `_servers`
            self._replica.board.touch(PIPELINE)
            self._replica.changed.set()
            await asyncio.sleep(seconds)

    async def _servers(self) -> None:
        """Ask each server whether it is there."""
        before = {name: part.up for name, part in self.facts.parts.items()}
        found = await asyncio.gather(*(asyncio.to_thread(_asked, name, self._config) for name in PROBES))
        self.facts.parts = {part.name: part for part in found}
        after = {part.name: part.up for part in found}
        if after != before:
            self._replica.board.touch(PARTS)
        if after["postgres"] and before.get("postgres") is False:
            await self._replica.past_is_back()

    async def _rates(self) -> None:
        now_s, facts = time.time_ns() // 1_000_000_000, self.facts
        rates = {name: rate.milli(now_s) for name, rate in self._replica.rates.items()}
        facts.feeds = {
            name.removeprefix("feed "): (milli, self._replica.received.get(name.removeprefix("feed "), 0))
            for name, milli in rates.items()
            if name.startswith("feed ")
        }
        facts.fills_milli = rates.get("fills", 0)
        facts.feed_trend = [*facts.feed_trend, sum(milli for milli, _ in facts.feeds.values())][-TREND:]
        facts.order_p99_ms = self._replica.latencies.p99()

    async def _lags(self) -> None:
        """Ask how far the groups have come, and compare it with what has arrived here."""
        found = await asyncio.to_thread(self._asked_groups)
        facts, now_ms = self.facts, time.time_ns() // 1_000_000
        workers, sinks, notifier, facts.members = found
        behind = [self._behind("workers", topic.name, workers, now_ms) for topic in (TRADES, FILLS, ORDERS)]
        for topic in SINKS:
            if topic.name in {name for name, _ in self._replica.stamps}:
                behind.append(self._behind(f"connect-{topic.name}", topic.name, sinks[topic.name], now_ms))
        facts.behind = behind
        for stage in ("workers", "exchange", "connect"):
            worst = max((each.ms for each in behind if stage_of(each.group, each.topic) == stage), default=-1)
            facts.trends[stage] = [*facts.trends.get(stage, []), max(worst, 0)][-TREND:]
        facts.rows_milli = self._written(sinks)
        waiting = sum(
            max(0, stamps.end - notifier[full, number])
            for (name, number), stamps in self._replica.stamps.items()
            if name == ALERTS.name and (full := ALERTS.full_name(self._config), number) in notifier
        )
        before = facts.notifier
        facts.notifier = (waiting if notifier else -1, now_ms if waiting != before[0] else before[1])

    def _asked_groups(self) -> tuple[Committed, dict[str, Committed], Committed, int]:
        """Return what workers, sinks and the notifier have committed, and how many workers share the partitions."""
        if self._admin is None:
            self._admin = admin(self._config)
        groups = [name for name, joined in worker_groups(self._admin, self._config).items() if joined]
        names = {topic.name: sink_group(self._config, topic) for topic in SINKS}
        notifier = notifier_group(self._config)
        found = committed(self._config, [*groups, *names.values(), notifier])
        workers: dict[tuple[str, int], int] = {}
        for group in groups:
            for place, offset in found[group].items():
                workers[place] = min(offset, workers.get(place, offset))
        sinks = {name: found[group] for name, group in names.items()}
        return workers, sinks, found[notifier], members(self._config, groups)

    def _behind(self, group: str, topic: str, offsets: Committed, now_ms: int) -> Behind:
        full = f"{self._config.topic_prefix}{topic}"
        rows = []
        for (name, number), stamps in sorted(self._replica.stamps.items()):
            if name == topic and (full, number) in offsets:
                at = offsets[full, number]
                rows.append((number, max(0, stamps.end - at), stamps.behind_ms(at, now_ms)))
        worst = max((ms for _, _, ms in rows), default=-1)
        return Behind(group, topic, sum(records for _, records, _ in rows), worst, rows)

    def _written(self, sinks: Mapping[str, Committed]) -> int:
        """Return how many rows the sinks wrote a second, by what they have committed, in thousandths."""
        now, total = time.monotonic(), sum(sum(offsets.values()) for offsets in sinks.values())
        return self._replica.rows.milli(now, total)

    async def _sinks(self) -> None:
        found = await asyncio.to_thread(states, self._config)
        self.facts.sinks = [Sink(sink.name, sink.state, list(sink.tasks), sink.error) for sink in found]

    async def _topics(self) -> None:
        """Count what is kept, and see whether a topic was made anew."""
        self.facts.kept = await asyncio.to_thread(count, self._config, [topics.TRADES])
        self.facts.letters = await asyncio.to_thread(count, self._config, DEAD_LETTER_TOPICS)
        known = dict(self._replica.ids)
        if known:
            today = await asyncio.to_thread(topic_ids, self._config, list(known))
            if known == self._replica.ids and today != known:
                self._replica.reload.set()


def _asked(name: str, config: Config) -> Part:
    try:
        PROBES[name](config)
    except Exception as error:  # whatever a client raises: the part does not work
        lines: list[Any] = str(error).splitlines()
        return Part(name, False, lines[0] if lines else type(error).__name__)
    return Part(name, True)
