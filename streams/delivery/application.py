"""The Faust application of a worker: batch delivery, mended recovery, and a start and an end that lose nothing."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import faust
from aiokafka.errors import KafkaError

from infra.deadline import Deadline
from infra.errors import StackError
from infra.slots import Slot
from streams.delivery import collecting, recovery
from streams.delivery.batches import BatchConsumer
from streams.delivery.guard import stop_worker
from streams.delivery.keeper import Keeper
from streams.delivery.membership import Membership
from streams.delivery.recovery import StatesTable

log = logging.getLogger(__name__)

DRAINED_WITHIN_S = 5.0
"""How long what is being applied may take when partitions are given up; less than a rebalance waits."""
STOPPED_WITHIN_S = 20.0
"""How long a stop or a crash may take: aiokafka tries to commit for ever where a broker does not answer."""
SESSION_S = 6.0
"""How long the group waits for a heartbeat of a worker before others get its partitions."""
CHECK_S = 2.0


class Checks(NamedTuple):
    """What has to be so before a worker starts, and what has to be so still every `CHECK_S` seconds."""

    prepare: Callable[[], None]
    still: Callable[[], None]


class HedgehogApp(faust.App):
    """A Faust application whose agents keep their states in `keepers`.

    `name` begins the names of its tables' topics, `group` is its consumer group. `checks` says what is called in a
    thread, and raises `StackError` for a reason not to start, or to stop. `topic_ids` are those of the inputs, by full
    name; they are there once it has prepared. Where the application is all that its process does, `deadline` ends that.
    """

    deadline: Deadline | None = None

    def __init__(self, name: str, group: str, checks: Checks, topic_ids: Mapping[str, str], **settings: Any) -> None:
        super().__init__(name, Table=StatesTable, broker_session_timeout=SESSION_S, **settings)
        self.membership = Membership(SESSION_S)
        self.group = group
        self.topic_ids = topic_ids
        self.keepers: list[Keeper[Any]] = []
        self.slot: Slot | None = None
        """Its port and folder, held for as long as it runs."""
        self._undrained = False
        self._checks = checks
        recovery.install(self)

    def _new_transport(self) -> Any:
        transport: Any = super()._new_transport()
        transport.Consumer = BatchConsumer
        return transport

    async def on_first_start(self) -> None:
        """Prepare, then start as Faust does; `SystemExit` with one line for what is not there."""
        if self.deadline is not None:
            self.deadline.begin_on(signal.SIGTERM, signal.SIGINT)
        try:
            await asyncio.to_thread(self._checks.prepare)
        except StackError as error:
            raise SystemExit(f"hedgehog: {error}") from None  # what else is raised Faust shows with its whole trace
        self.sensors.remove(self.monitor)  # it counts every event, and nobody asks
        self.conf.datadir.mkdir(parents=True, exist_ok=True)
        await super().on_first_start()
        self.add_future(self._check())
        collecting.keep()

    async def _check(self) -> None:
        """Stop for a reason to stop: what is read and written has to be there, and the same as at the start."""
        while not self.should_stop:
            await asyncio.sleep(CHECK_S)
            try:
                await asyncio.to_thread(self._checks.still)
            except StackError as error:
                return await stop_worker(self, "the worker cannot go on", error)

    async def _consumer_wait_empty(self, consumer: Any, logger: Any) -> None:
        # Called when partitions are about to be given up. Faust would wait for every batch that was delivered, which
        # is for ever: one that an agent has handled may sit in the stopped queue of the other.
        await self._drain()
        await self._commit_drained(consumer)

    async def _commit_drained(self, consumer: Any) -> None:
        """Commit what the drain has stored; else it is read again, and records without a state are buried twice."""
        try:
            async with asyncio.timeout(DRAINED_WITHIN_S):
                await consumer.commit()  # which may only wait for one that began before the drain
                await consumer.commit()
        except TimeoutError:
            log.warning("what was stored last is not committed within %g s; it is read again", DRAINED_WITHIN_S)

    async def keep_own(self) -> bool:
        """See that nobody else's states are the newest in the changelogs; return whether they were told.

        The broker is asked where they end before each commit, which is put off if it does not say.
        """
        owned = [tp for keeper in self.keepers for tp in keeper.owned()]
        try:
            ends = await self.consumer.highwaters(*owned) if owned else {}
        except KafkaError as error:
            log.warning("the ends of the changelogs are not told: %r", error)
            return False
        for keeper in self.keepers:
            await keeper.keep_own(ends)
        return True

    def _crash(self, reason: BaseException) -> None:
        self._begin_to_end()  # Faust calls this of whatever crashes, and stops then
        super()._crash(reason)

    def _begin_to_end(self) -> None:
        if self.deadline is not None:
            self.deadline.begin()

    async def stop(self) -> None:
        """Take in nothing more, store what was applied, then stop as Faust does."""
        self._begin_to_end()
        self.flow_control.suspend()
        try:
            await self._drain()
        except TimeoutError:  # without a broker nothing ends, and the worker still has to
            log.warning("not all that was applied is stored within %g s; it will be read again", DRAINED_WITHIN_S)
        except Exception:
            log.exception("not all that was applied is stored; it will be read again")
        await super().stop()

    async def _drain(self) -> None:
        # After a drain that failed the worker stops. If it waited once more it could still store when the others have
        # given it up and gone on.
        try:
            async with asyncio.timeout(0 if self._undrained else DRAINED_WITHIN_S):
                for keeper in self.keepers:
                    await keeper.drain()
        except Exception:
            self._undrained = True
            raise
