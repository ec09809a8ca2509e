"""One process of the worker: the real keepers, agents and commit tracking, joined to a group in simulated time.

What Faust does around them is told again here in a few lines, in its order: a member that has to join again suspends
the flow, drops what waits in queues, drains, joins, recovers its tables, seeks what is committed, and resumes.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from faust.types import TP

from streams.agents.agent import Agent, Environment
from streams.delivery.application import HedgehogApp
from streams.delivery.batches import Batch, is_current
from streams.delivery.changelog import keep
from streams.delivery.guard import guarded
from streams.delivery.incarnations import Incarnations
from streams.delivery.keeper import Keeper
from streams.delivery.membership import Membership
from streams.delivery.messages import Producer as MessageProducer
from streams.delivery.states import StateCodec
from tests.simulation.app import Channel, Consumer, Flow, Producer, Table
from tests.simulation.broker import Record
from tests.simulation.group import SESSION_S, Assigned
from tests.simulation.network import BrokerError

BEAT_S = 2.0
COMMIT_S = 1.0
CRASH_MAX_S = 0.1
POLL_S = 0.1
IDLE_MAX_S = 0.5
RECORDS_MAX = 20


class Running(NamedTuple):
    """An agent in a worker."""

    agent: Agent[Any]
    table: Table
    keeper: Keeper[Any]
    steps: dict[str, Any]


class Worker:
    """A worker from its start to its end. It also is the application that its parts use."""

    _give_up: Any = HedgehogApp._consumer_wait_empty
    _drain: Any = HedgehogApp._drain
    _commit_drained: Any = HedgehogApp._commit_drained

    def __init__(self, world: Any, name: str) -> None:
        self.world = world
        self.name = name
        self.dead = self.ended = False
        self.frozen_until = 0.0
        self.flow_control = Flow()
        self.consumer_generation_id = 0
        self.membership = Membership(SESSION_S, lambda: world.now)
        self.consumer = Consumer(self)
        self.producer = Producer(self)
        self.partitions: list[int] = []
        self._undrained = False  # for the real `_drain`
        self._environment = replace(world.environment, topic_ids=dict(world.environment.topic_ids))
        self.running = [self._run(agent) for agent in world.agents]
        self.keepers = [running.keeper for running in self.running]
        self._actors: dict[tuple[str, TP], tuple[Channel, asyncio.Task[None]]] = {}
        self._rejoin = asyncio.Event()
        self._ending = asyncio.Event()
        self._tasks = [self._start(task) for task in (self._member(), self._beat(), self._fetch(), self._commit())]
        world.start(self._end_when_asked())

    def _run(self, agent: Agent[Any]) -> Running:
        environment: Environment = self._environment
        agent = replace(agent, storing=self.world.storing)
        table = Table(agent.changelog.name)
        names = {topic.name: topic.name for topic in agent.topics}
        keeper: Keeper[Any] = Keeper(
            self,
            agent.name,
            table,
            StateCodec(agent.table, agent.state, agent.layout, agent.upgrade),
            MessageProducer(self, environment.config, environment.codecs),
            {topic.name: topic.name for topic in agent.inputs},
            agent.storing,
            self.crash,
            Incarnations(agent.name, names, environment.topic_ids, agent.begin_anew),
        )
        return Running(agent, table, keeper, {t.name: step for t, step in agent.make_steps(environment).items()})

    # What happens to it.

    async def awake(self) -> None:
        """Go on: not while it is frozen, and never once it is dead."""
        if self.world.over:
            raise asyncio.CancelledError
        while self.world.now < self.frozen_until:  # noqa: ASYNC110 - it may be frozen again meanwhile
            await asyncio.sleep(self.frozen_until - self.world.now)
        if self.dead:
            await asyncio.get_running_loop().create_future()

    def kill(self) -> None:
        """Nothing of it runs any more, and nobody is told."""
        self.dead = True
        self.world.ended(self)

    def leave(self) -> None:
        """Stop in good order."""
        self._ending.set()

    def cancel(self, task: asyncio.Task[Any] | None) -> None:
        """Stop, and cancel this task if it is an actor's; others Faust does not cancel on its own."""
        if task is not None and any(task is actor for _, actor in self._actors.values()):
            task.cancel()
        self.leave()

    async def crash(self, error: BaseException) -> None:
        """Stop because of an error, which is a finding where it is not the broker's."""
        if not isinstance(error, BrokerError | TimeoutError):
            self.world.finding(f"{self.name} stopped: {error!r}")
        self.world.start(self._leave_before_long())

    async def _leave_before_long(self) -> None:
        await asyncio.sleep(CRASH_MAX_S * self.world.rng.random())  # Faust's supervisor has to notice
        await self.awake()
        self.leave()

    async def _end_when_asked(self) -> None:
        await self._ending.wait()
        self.flow_control.active = False
        with contextlib.suppress(Exception):  # what is not stored is read again
            await self._give_up(self, None)
        await self.awake()
        for task in [*self._tasks, *(task for _, task in self._actors.values())]:
            task.cancel()
        self.world.group.leave(self.name, self.world.now)
        self.kill()  # the process ends, and with it what was not cancelled

    # What it does.

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def watched() -> None:
            try:
                await work
            except Exception as error:
                await self.crash(error)

        return self.world.start(watched())

    async def _member(self) -> None:
        await self.world.network.trip(self, "join", lambda: None)
        while True:
            self._rejoin.clear()
            assigned = await self.world.group.join(self.name, self.world.now)
            self.membership.confirmed(assigned.generation, self.world.now)
            await self.awake()
            await self._recover(assigned)
            self.flow_control.active = True
            await self._rejoin.wait()
            await self.awake()
            self.consumer.give_up()
            self.flow_control.active = False
            for channel, _ in self._actors.values():
                channel.clear()
            await self._give_up(self, None)
            await self.awake()

    async def _recover(self, assigned: Assigned) -> None:
        self.consumer_generation_id = assigned.generation
        self.partitions = assigned.partitions
        self._assign_actors()
        for running in self.running:
            for number in self.partitions:
                for record in await self._read_changelog(TP(running.table.changelog_topic_name, number)):
                    running.table.known.read(number, record.offset, record.key)
                    keep(running.table.data, record.key, record.value)
            for key in [k for k in running.table.data if self.world.partition_of(k) not in self.partitions]:
                del running.table.data[key]
        committed = await self.world.network.trip(self, "committed", lambda: dict(self.world.broker.committed))
        self.consumer.seek(committed, self._inputs())

    async def _read_changelog(self, tp: TP) -> list[Record]:
        return await self.world.network.trip(
            self, f"recovery of {tp.topic}", lambda: self.world.broker.logs[tp].records
        )

    def _inputs(self) -> list[TP]:
        topics = dict.fromkeys(topic.name for running in self.running for topic in running.agent.inputs)
        return [TP(topic, number) for number in self.partitions for topic in topics]

    def _assign_actors(self) -> None:
        wanted = {
            (running.agent.name, TP(topic.name, number)): running
            for running in self.running
            for topic in running.agent.inputs
            for number in self.partitions
        }
        for lost in [actor for actor in self._actors if actor not in wanted]:
            self._actors.pop(lost)[1].cancel()
        for actor, running in wanted.items():
            if actor not in self._actors:
                channel = Channel(f"{actor[0]} {actor[1]}")
                self._actors[actor] = (channel, self.world.start(self._act(channel, running)))

    async def _act(self, channel: Channel, running: Running) -> None:
        async def handle(batch: Batch) -> None:
            await running.keeper.apply(batch, running.steps[batch.tp.topic])

        await guarded(self, channel, handle)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self.awake()
            generation = self.consumer_generation_id
            if not self.world.group.beat(self.name, self.world.now):
                self._rejoin.set()
            if self.world.group.knows(self.name, generation):
                self.membership.confirmed(generation, self.world.now)

    async def _fetch(self) -> None:
        while True:
            await self.awake()
            generation = self.consumer_generation_id
            logs = self.world.broker.logs
            wanted = [tp for tp, offset in self.consumer.read.items() if offset < logs[tp].end]
            if not (wanted and is_current(self, generation)):
                await asyncio.sleep(POLL_S + IDLE_MAX_S * self.world.rng.random())
                continue
            try:
                got = await self.world.network.trip(self, "fetch", partial(self._read, wanted))
            except BrokerError:
                continue
            if is_current(self, generation):
                self._hand_out(got)

    def _read(self, tps: list[TP]) -> dict[TP, list[Record]]:
        rng, logs = self.world.rng, self.world.broker.logs
        rng.shuffle(tps)
        return {tp: logs[tp].read(self.consumer.read.get(tp, 0), rng.randint(1, RECORDS_MAX)) for tp in tps}

    def _hand_out(self, got: dict[TP, list[Record]]) -> None:
        for tp, records in got.items():
            channels = [channel for (_, read), (channel, _) in self._actors.items() if read == tp]
            if records:
                self.consumer.hand_out(tp, records, channels)

    def _ends(self) -> dict[TP, int]:
        return {tp: self.world.broker.logs[tp].end for keeper in self.keepers for tp in keeper.owned()}

    async def _commit(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_S)
            await self.awake()
            await self.commit()

    async def commit(self) -> None:
        """Commit what is done, unless the broker does not say where the changelogs end."""
        offsets = self.consumer.to_commit()
        generation = self.consumer_generation_id
        if not offsets:
            return
        try:
            ends = await self.world.network.trip(self, "ends of the changelogs", self._ends)
        except BrokerError:
            return
        for keeper in self.keepers:
            await keeper.keep_own(ends)
        with contextlib.suppress(BrokerError):
            if await self.world.network.trip(self, "commit", partial(self._commit_now, offsets, generation)):
                self.consumer.took(offsets)

    def _commit_now(self, offsets: dict[TP, int], generation: int) -> bool:
        return bool(self.world.commit(offsets, generation, self._environment.topic_ids))
