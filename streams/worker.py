"""The Faust application: its settings, its tables, and one agent a stream processor."""

import asyncio
import gc
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import faust

from connectors.apply import watch
from infra.config import Config, load_config
from infra.errors import StackError
from schemas import topics
from schemas.broker import check_topics
from schemas.columns import decode_trades
from schemas.groups import worker_group
from schemas.records import Applied, DeadLetter, Fill, Instrument, Order, Record, Settings, Trade
from schemas.registry import make_codec
from schemas.units import to_units
from streams.agents.exchange import ExchangeSteps
from streams.agents.trading import TradingSteps
from streams.delivery import recovery
from streams.delivery.batches import Batch, BatchConsumer
from streams.delivery.guard import guarded
from streams.delivery.keeper import Keeper, Outlet, Work
from streams.trading.book import BookState, Terms
from streams.trading.leader import LeaderState

log = logging.getLogger(__name__)

WATCH_SINKS_S = 5.0

Steps = dict[str, Callable[[Work[Any], Batch], None]]
"""What an agent does with a batch, by the full name of the topic."""

SETTLED_WITHIN_S = 5.0
"""How long a batch may take that is being applied when partitions are given up; less than a rebalance waits."""


class HedgehogApp(faust.App):
    """A Faust application with batch delivery and mended recovery."""

    def __init__(self, config: Config, **settings: Any) -> None:
        super().__init__(worker_group(config), **settings)
        self.hedgehog = config
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
        # Somebody has to restart failed sinks as long as the pipeline runs; several workers may.
        sinks = threading.Thread(
            target=watch, args=(self.hedgehog, threading.Event(), log.warning, WATCH_SINKS_S), daemon=True
        )
        sinks.start()
        # What was imported and compiled stays: a full garbage collection would look through it for 0.1-0.2 s each time.
        gc.collect()
        gc.freeze()

    async def _consumer_wait_empty(self, consumer: Any, logger: Any) -> None:
        # Called when partitions are about to be given up. Faust would wait for every batch that was delivered, which
        # is for ever: one that an agent has handled may sit in the stopped queue of the other.
        await self._settle()

    async def stop(self) -> None:
        self.flow_control.suspend()
        with suppress(TimeoutError):  # without a broker nothing ends, and the worker still has to
            await self._settle()
        await super().stop()

    async def _settle(self) -> None:
        async with asyncio.timeout(SETTLED_WITHIN_S):
            for keeper in self.keepers:
                await keeper.settle()

    def _prepare(self) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)
        # At the log level `warn`, its default, Faust makes a record of every debug line for the spinner it shows
        # while it starts. The Kafka client has one for each partition of each fetch: a seventh of the worker's time.
        logging.getLogger("aiokafka").setLevel(logging.INFO)
        check_topics(self.hedgehog)
        for record_type in (Trade, Order, Fill, Instrument, Settings, Applied, DeadLetter):
            self.codecs[record_type] = make_codec(self.hedgehog, record_type)
        decode_trades([b""], self.codecs[Trade])  # compiles, or loads what was compiled before


def make_app(config: Config) -> HedgehogApp:
    """The application of this configuration, with all its agents."""
    app = HedgehogApp(
        config,
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
    names = {topic.record: topic.full_name(config) for topic in topics.TOPICS.values() if topic.record}
    _add_trading(app, names)
    _add_exchange(app, names)
    return app


def _add_trading(app: HedgehogApp, names: dict[type[Record], str]) -> None:
    def steps() -> Steps:
        codecs = app.codecs
        trading = TradingSteps(codecs[Trade], codecs[Fill], codecs[Instrument], codecs[Settings], names[Trade])
        return {
            names[Trade]: trading.on_trades,
            names[Fill]: trading.on_fills,
            names[Instrument]: trading.on_instruments,
            names[Settings]: trading.on_settings,
        }

    keeper = _keeper(app, topics.LEADERS_TABLE, LeaderState, names, "trading")
    _add_agent(app, "trading", [names[Trade], names[Fill], names[Instrument], names[Settings]], keeper, steps)


def _add_exchange(app: HedgehogApp, names: dict[type[Record], str]) -> None:
    def steps() -> Steps:
        config, codecs = app.hedgehog, app.codecs
        terms = Terms(fee=to_units(config.mock_fee, "mock_fee"), partial_fills=config.mock_partial_fills)
        exchange = ExchangeSteps(codecs[Trade], codecs[Order], terms)
        return {names[Trade]: exchange.on_trades, names[Order]: exchange.on_orders}

    keeper = _keeper(app, topics.BOOKS_TABLE, BookState, names, "exchange")
    _add_agent(app, "exchange", [names[Trade], names[Order]], keeper, steps)


def _keeper(
    app: HedgehogApp, table: str, state_type: type[Any], names: dict[type[Record], str], source: str
) -> Keeper[Any]:
    # Without these types Faust would take the values for JSON of its own, and recover an empty table.
    kept = app.Table(table, key_type=bytes, value_type=bytes, partitions=app.hedgehog.partitions)
    keeper: Keeper[Any] = Keeper(app, kept, state_type, Outlet(app, names, app.codecs), source)
    app.keepers.append(keeper)
    return keeper


def _add_agent(
    app: HedgehogApp, name: str, sources: list[str], keeper: Keeper[Any], make_steps: Callable[[], Steps]
) -> None:
    """An agent whose partitions are handled side by side, each batch by the step of its topic."""

    async def body(stream: Any) -> None:
        steps = make_steps()

        async def handle(batch: Batch) -> None:
            await keeper.apply(batch, steps[batch.tp.topic])

        await guarded(app, stream, handle)

    body.__name__ = body.__qualname__ = name
    channel = app.topic(*sources, key_type=bytes, value_type=bytes)
    app.agent(channel, name=name, isolated_partitions=True)(body)


app = make_app(load_config())
