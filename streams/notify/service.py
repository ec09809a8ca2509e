"""`hedgehog notify`: reads the topics, tells each destination in its own time, and commits what was told."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from infra.config import Config
from infra.errors import StackError
from infra.health import PORTS, Health
from producers import settings_topic
from schemas.broker import is_replay
from schemas.watches import Snooze, Watch
from streams.notify.deliver import Delivery, Destination
from streams.notify.feed import Feed
from streams.notify.hub import Hub, next_offsets
from streams.notify.quiet import Quiet
from streams.notify.state import StateFile

log = logging.getLogger(__name__)

KEEP_S = 1.0
STOP_S = 5.0
"""How long a call that is under way may take at the end."""

Hearing = Callable[["Notifier"], Awaitable[None]]
"""Hears commands until it is cancelled."""


class Notifier:
    """One run of the notifier."""

    def __init__(self, config: Config, destinations: Sequence[Destination], quiet: Quiet, file: StateFile) -> None:
        self.config = config
        self.quiet = quiet
        self.hub = Hub(file.load())
        self._file = file
        self.delivery = Delivery(self.hub, destinations, quiet, self.save)

    async def run(self, stop: asyncio.Event, hear: Hearing | None = None) -> None:
        """Tell until `stop` is set; raise `StackError` where broker, topics or registry are not there."""
        if await asyncio.to_thread(is_replay, self.config):
            raise StackError(
                f"HEDGEHOG_TOPIC_PREFIX={self.config.topic_prefix} belongs to replays: nobody is told of them"
            )
        feed = Feed(self.config, time.time_ns() // 1_000_000)
        try:
            for name in self.hub.know_topics(await asyncio.to_thread(feed.topic_ids)):
                log.warning("the topic %s was made anew: it is read from its beginning", name)
            self.hub.watches.update(await asyncio.to_thread(settings_topic.read_watches, self.config))
            for snooze in (await asyncio.to_thread(settings_topic.read_snoozes, self.config)).values():
                self.hub.snooze(snooze)
            await feed.start()
            with Health(self.config.worker_host, self.config.port("notifier"), self._readiness, PORTS):
                await self._until(stop, feed, hear)
        finally:
            await feed.stop()
            await self.delivery.close()

    async def _until(self, stop: asyncio.Event, feed: Feed, hear: Hearing | None) -> None:
        told = self.delivery.destinations.values()
        delivering = [asyncio.create_task(self.delivery.tell(each, stop)) for each in told]
        others: list[asyncio.Task[None]] = [
            asyncio.create_task(self._read(feed)),
            asyncio.create_task(self._keep(feed)),
            asyncio.create_task(settings_topic.follow(self.config, Watch, self._watch, stop)),
            asyncio.create_task(settings_topic.follow(self.config, Snooze, self.hub.snooze, stop)),
            asyncio.create_task(_set(stop)),
        ]
        if hear is not None:
            others.append(asyncio.ensure_future(hear(self)))
        tasks = [*delivering, *others]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            self.delivery.wake()
            # a call that is cut off would have to be repeated by the successor
            await asyncio.wait([*delivering, asyncio.create_task(stop.wait())], timeout=STOP_S)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await feed.commit(self.save())

    def save(self) -> dict[tuple[str, int], int]:
        """Write the state; return what may be committed after it."""
        commits = self.hub.commits()
        self._file.save(self.hub.state)
        return next_offsets(commits)

    def _readiness(self) -> tuple[bool, dict[str, list[str]]]:
        """It reads, or it ends; what is held up at a destination is told there again."""
        return True, {"destinations": list(self.delivery.destinations)}

    def _watch(self, watch: Watch) -> None:
        self.hub.watches[watch.instrument] = watch

    async def _read(self, feed: Feed) -> None:
        while True:
            for place, record in await feed.next():
                if record is not None:
                    self.hub.take(record, place)
                self.hub.passed(place)
            self.delivery.wake()

    async def _keep(self, feed: Feed) -> None:
        before: dict[tuple[str, int], int] = {}
        while True:
            await asyncio.sleep(KEEP_S)
            self.hub.look_for_silence(time.time_ns() // 1_000)
            self.hub.look_for_gaps(time.time_ns() // 1_000)
            offsets = self.save()
            if offsets != before:
                await feed.commit(offsets)
                before = offsets


async def _set(stop: asyncio.Event) -> None:
    await stop.wait()
