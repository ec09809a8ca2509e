"""The Faust application: its settings, and every agent that it is to run as a stream processor with a table."""

import asyncio
import gc
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import faust

from connectors.apply import watch
from infra.config import Config, load_config
from infra.errors import StackError
from schemas import topics
from schemas.broker import admin, check_topics, create_topics
from schemas.columns import decode_trades
from schemas.groups import worker_group
from schemas.records import Record, Trade
from schemas.registry import make_codec
from streams.agents import assert_alone, chosen, group_name
from streams.agents.agent import Agent, Environment
from streams.delivery import recovery
from streams.delivery.batches import Batch, BatchConsumer
from streams.delivery.guard import guarded, stop_worker
from streams.delivery.keeper import Keeper
from streams.delivery.messages import Producer
from streams.delivery.states import StateCodec
from streams.topics.lag import active_worker_groups

log = logging.getLogger(__name__)

WATCH_SINKS_S = 5.0
DRAINED_WITHIN_S = 5.0
"""How long what is being applied may take when partitions are given up; less than a rebalance waits."""


class HedgehogApp(faust.App):
    """A Faust application with batch delivery and mended recovery."""

    def __init__(self, config: Config, agents: Sequence[Agent[Any]], **settings: Any) -> None:
        super().__init__(f"{config.topic_prefix}hedgehog", **settings)
        self.hedgehog = config
        self.declared = agents
        self.group = worker_group(config, group_name(agents))
        self.codecs: dict[type[Record], Any] = {}
        self.keepers: list[Keeper[Any]] = []
        recovery.install(self)

    def _new_transport(self) -> Any:
        transport: Any = super()._new_transport()
        transport.Consumer = BatchConsumer
        return transport

    async def on_first_start(self) -> None:
        try:
            # A send to a topic that is not there would hang for good: better not to start.
            await asyncio.to_thread(self._prepare)
        except StackError as error:
            raise SystemExit(f"hedgehog: {error}") from None  # what else is raised Faust shows with its whole trace
        self.sensors.remove(self.monitor)  # it counts every event, and nobody asks
        self.conf.datadir.mkdir(parents=True, exist_ok=True)
        await super().on_first_start()
        if self.hedgehog.watch_sinks:  # for as long as the pipeline runs; several workers may
            watching = (self.hedgehog, threading.Event(), log.warning, WATCH_SINKS_S)
            threading.Thread(target=watch, args=watching, daemon=True).start()
        # What was imported and compiled stays: a full garbage collection would look through it for 0.1-0.2 s each time.
        gc.collect()
        gc.freeze()

    async def _consumer_wait_empty(self, consumer: Any, logger: Any) -> None:
        # Called when partitions are about to be given up. Faust would wait for every batch that was delivered, which
        # is for ever: one that an agent has handled may sit in the stopped queue of the other.
        await self._drain()

    async def stop(self) -> None:
        self.flow_control.suspend()
        with suppress(TimeoutError):  # without a broker nothing ends, and the worker still has to
            await self._drain()
        await super().stop()

    async def _drain(self) -> None:
        async with asyncio.timeout(DRAINED_WITHIN_S):
            for keeper in self.keepers:
                await keeper.drain()

    def _prepare(self) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)
        # At the log level `warn`, its default, Faust makes a record of every debug line for the spinner it shows
        # while it starts. The Kafka client has one for each partition of each fetch: a seventh of the worker's time.
        logging.getLogger("aiokafka").setLevel(logging.INFO)
        check_topics(self.hedgehog)
        create_topics(self.hedgehog, [agent.changelog for agent in self.declared])
        config = self.hedgehog
        whole = worker_group(config)
        others = [group.removeprefix(whole).removeprefix(":") for group in active_worker_groups(admin(config), config)]
        assert_alone(group_name(self.declared), others)
        for topic in topics.TOPICS.values():
            if topic.record is not None:
                self.codecs[topic.record] = make_codec(self.hedgehog, topic.record)
        decode_trades([b""], self.codecs[Trade])  # compiles, or loads what was compiled before


def make_app(config: Config, agents: Sequence[Agent[Any]] | None = None) -> HedgehogApp:
    """The application of this configuration, with these agents, or those that it chooses.

    Raises `StackError` for a configuration that chooses an agent which there is not.
    """
    app = HedgehogApp(
        config,
        chosen(config.agents) if agents is None else agents,
        broker=[f"kafka://{server}" for server in config.bootstrap.split(",")],
        store="memory://",
        datadir=str(config.data_dir / "worker"),
        web_bind=config.worker_host,
        web_host=config.worker_host,
        web_port=config.port("worker"),
        web_tables_enabled=False,
        web_router_enabled=False,
        stream_wait_empty=False,  # `_consumer_wait_empty` does it
        topic_partitions=config.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=6.0,
        broker_heartbeat_interval=2.0,
        broker_rebalance_timeout=10.0,
        broker_commit_interval=1.0,
        table_standby_replicas=0,
        producer_linger=0,  # every send is awaited
        producer_acks=-1,
        producer_max_request_size=topics.STATE_BYTES_MAX,
    )
    for agent in app.declared:
        _add_agent(app, agent)
    return app


def _add_agent(app: HedgehogApp, agent: Agent[Any]) -> None:
    """Run an agent in the application: its partitions side by side, each batch by the step of its topic."""
    config = app.hedgehog
    keeper = _keeper(app, agent)
    app.keepers.append(keeper)

    async def body(stream: Any) -> None:
        steps = agent.make_steps(Environment(config, app.codecs))
        by_name = {topic.full_name(config): step for topic, step in steps.items()}

        async def handle(batch: Batch) -> None:
            await keeper.apply(batch, by_name[batch.tp.topic])

        await guarded(app, stream, handle)

    body.__name__ = body.__qualname__ = agent.name
    channel = app.topic(*(topic.full_name(config) for topic in agent.inputs), key_type=bytes, value_type=bytes)
    app.agent(channel, name=agent.name, isolated_partitions=True)(body)


def _keeper(app: HedgehogApp, agent: Agent[Any]) -> Keeper[Any]:
    config = app.hedgehog

    async def on_failure(error: BaseException) -> None:
        await stop_worker(app, f"{agent.name} cannot store a checkpoint", error)

    return Keeper(
        app,
        agent.name,
        # Without these types Faust would take the values for JSON of its own, and recover an empty table.
        app.Table(agent.table, key_type=bytes, value_type=bytes, partitions=config.partitions),
        StateCodec(agent.table, agent.state, agent.layout, agent.upgrade),
        Producer(app, config, app.codecs),
        {topic.full_name(config): topic.name for topic in agent.inputs},
        agent.storing,
        on_failure,
    )


def _app() -> HedgehogApp:
    try:
        return make_app(load_config())
    except StackError as error:
        raise SystemExit(f"hedgehog: {error}") from None


app = _app()
