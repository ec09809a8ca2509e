"""The worker: a Faust application of every agent that it is to run."""

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import faust
from faust.exceptions import AlreadyConfiguredWarning
from prometheus_client.core import Metric

from connectors.watching import watch
from infra import clients, metrics
from infra.config import Config, load_config
from infra.deadline import Deadline
from infra.ending import OF_THE_USER, ended
from infra.errors import Unreachable
from infra.repeated_lines import tell_less
from infra.slots import take_slot
from schemas import topics
from schemas.broker import TopicError, admin, check_topics, create_topics, topic_ids
from schemas.groups import worker_group
from schemas.offsets import committed, go_on_from
from schemas.records import Trade
from schemas.registry import make_codec
from streams.agents import chosen
from streams.agents.agent import Agent, Environment
from streams.agents.groups import assert_alone, group_name, positions
from streams.agents.trades import compile_reading
from streams.delivery.application import STOPPED_WITHIN_S, Checks, HedgehogApp
from streams.delivery.batches import POLL_RECORDS, Batch
from streams.delivery.guard import guarded, stop_worker
from streams.delivery.incarnations import Incarnations
from streams.delivery.keeper import Keeper
from streams.delivery.messages import Producer
from streams.delivery.meter import lag_of
from streams.topics.lag import worker_groups

log = logging.getLogger(__name__)

WATCH_SINKS_S = 5.0
STILL_WITHIN_S = 3.0
"""How long the broker has to say which topics there are: a worker that stops may have to wait for the answer."""
FOLDER = "worker"
"""The folder of the first worker in the data folder."""


def make_app(config: Config, agents: Sequence[Agent[Any]] | None = None) -> HedgehogApp:
    """Return the application of this configuration, with these agents, or those that it chooses.

    Raises `StackError` for a configuration that chooses an agent which there is not.
    """
    agents = chosen(config.agents) if agents is None else agents
    environment = Environment(config, {})
    reached = clients.aiokafka(config)

    def prepare() -> None:
        _take_place(app, config)
        _prepare(environment, agents)

    app = HedgehogApp(
        f"{config.topic_prefix}hedgehog",
        worker_group(config, group_name(agents)),
        Checks(prepare, lambda: _assert_same_topics(environment)),
        environment.topic_ids,
        broker=[f"kafka://{server}" for server in reached["bootstrap_servers"]],
        broker_credentials=_credentials(reached),
        store="memory://",
        datadir=str(config.data_dir / FOLDER),
        web_bind=config.worker_host,
        web_host=config.worker_host,
        web_port=config.port("worker"),
        web_tables_enabled=False,
        web_router_enabled=False,
        stream_wait_empty=False,  # the application drains its keepers
        topic_partitions=config.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_heartbeat_interval=2.0,
        broker_rebalance_timeout=10.0,
        broker_commit_interval=1.0,
        broker_max_poll_records=POLL_RECORDS,
        table_standby_replicas=0,
        producer_linger=0,  # every send is awaited
        producer_acks=-1,
        producer_max_request_size=topics.STATE_BYTES_MAX,
    )
    for agent in agents:
        _add_agent(app, environment, agent)
    _add_metrics(app, environment, agents)
    return app


def _credentials(reached: Mapping[str, Any]) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """Return as Faust wants it how the brokers are reached, of the settings for aiokafka."""
    context = reached.get("ssl_context")
    if "sasl_mechanism" in reached:
        return faust.SASLCredentials(
            username=reached["sasl_plain_username"],
            password=reached["sasl_plain_password"],
            mechanism=reached["sasl_mechanism"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def _add_metrics(app: HedgehogApp, environment: Environment, agents: Sequence[Agent[Any]]) -> None:
    """Serve the worker's metrics beside Faust's own pages."""
    names = {topic.full_name(environment.config): topic.name for agent in agents for topic in agent.inputs}

    def lag() -> Iterable[Metric]:
        consumer: Any = app.consumer
        return lag_of({names[topic]: lag for topic, lag in consumer.lags().items()}, time.time_ns() // 1_000_000)

    async def page(web: Any, _: Any) -> Any:
        with metrics.reading(lag):
            return web.bytes(metrics.exposition(), content_type="text/plain; version=0.0.4")

    page.__name__ = page.__qualname__ = "metrics"
    app.page("/metrics")(page)


def _take_place(app: HedgehogApp, config: Config) -> None:
    """Give a worker a port and a folder that no other one has, unless it was started with its own."""
    folder, port = config.data_dir / FOLDER, config.port("worker")
    if (Path(app.conf.datadir), app.conf.web_port) != (folder, port):
        return
    app.slot = take_slot(folder, config.worker_host, port)
    if app.slot.port != port:
        with catch_warnings():
            simplefilter("ignore", AlreadyConfiguredWarning)  # nothing has used them yet
            app.conf.datadir, app.conf.web_port = app.slot.folder, app.slot.port
        log.warning("another worker has port %d and its folder; this one has %d and %s", port, *app.slot[:2])


def _prepare(environment: Environment, agents: Sequence[Agent[Any]]) -> None:
    """See that everything is there, and make what needs it. Raises `StackError` for what is not."""
    config = environment.config
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # At the log level `warn`, its default, Faust makes a record of every debug line for the spinner it shows
    # while it starts. The Kafka client has one for each partition of each fetch: a seventh of the worker's time.
    logging.getLogger("aiokafka").setLevel(logging.INFO)
    tell_less()
    check_topics(config)  # a send to a topic that is not there would hang for good
    create_topics(config, [agent.changelog for agent in agents])
    used = [*topics.TOPICS.values(), *(agent.changelog for agent in agents)]
    environment.topic_ids.update(topic_ids(config, {topic.full_name(config) for topic in used}))
    _take_over(environment, agents)
    for topic in topics.TOPICS.values():
        if topic.record is not None:
            environment.codecs[topic.record] = make_codec(config, topic.record)
    compile_reading(environment.codecs[Trade])
    for agent in agents:
        agent.make_steps(environment)  # as the agents will on the loop, where nobody should wait for a compiler
    if config.watch_sinks:  # for as long as the pipeline runs; several workers may
        watching = (config, threading.Event(), log.warning, WATCH_SINKS_S)
        threading.Thread(target=watch, args=watching, daemon=True).start()


def _take_over(environment: Environment, agents: Sequence[Agent[Any]]) -> None:
    """Let the group of these agents go on where groups with others have left them; `StackError` where one runs them.

    Of a topic that was made anew nobody has read anything, whatever is committed.
    """
    config = environment.config
    client, whole, mine = admin(config), worker_group(config), worker_group(config, group_name(agents))
    groups = worker_groups(client, config)
    assert_alone(group_name(agents), [name.removeprefix(whole).removeprefix(":") for name in groups if groups[name]])
    found = committed(config, groups, environment.topic_ids)
    lost = {place: 0 for place, offset in found.get(mine, {}).items() if offset < 0}
    if groups.get(mine):  # they do already
        if lost:
            names = ", ".join(sorted({topic for topic, _ in lost}))
            raise TopicError(f"topics were made anew, and workers that began before still run: {names}")
        return
    known = {group: {place: at for place, at in places.items() if at >= 0} for group, places in found.items()}
    wanted = {**lost, **positions(config, agents, known)}
    if wanted and wanted != known.get(mine):
        go_on_from(client, mine, wanted, environment.topic_ids)


def _assert_same_topics(environment: Environment) -> None:
    """Raise `TopicError` for topics that are not those any more with which the worker began.

    The Kafka client would go on without one that is deleted, and in one that was made anew where the old one ended.
    """
    before = environment.topic_ids
    try:
        now = topic_ids(environment.config, before, STILL_WITHIN_S)
    except Unreachable:
        return  # it may come back with all of them
    deleted = sorted(before.keys() - now.keys())
    anew = sorted(name for name, topic_id in now.items() if topic_id != before[name])
    said = [f"{what}: {', '.join(names)}" for what, names in (("deleted", deleted), ("made anew", anew)) if names]
    if said:
        raise TopicError(f"topics were changed while it ran; {'; '.join(said)}")


def _add_agent(app: HedgehogApp, environment: Environment, agent: Agent[Any]) -> None:
    """Run an agent in the application: its partitions side by side, each batch by the step of its topic."""
    config = environment.config
    keeper = _keeper(app, environment, agent)
    app.keepers.append(keeper)

    async def body(stream: Any) -> None:
        steps = {topic.full_name(config): step for topic, step in agent.make_steps(environment).items()}

        async def handle(batch: Batch) -> None:
            await keeper.apply(batch, steps[batch.tp.topic])

        await guarded(app, stream, handle)

    body.__name__ = body.__qualname__ = agent.name
    channel = app.topic(*(topic.full_name(config) for topic in agent.inputs), key_type=bytes, value_type=bytes)
    app.agent(channel, name=agent.name, isolated_partitions=True)(body)


def _keeper(app: HedgehogApp, environment: Environment, agent: Agent[Any]) -> Keeper[Any]:
    config = environment.config
    names = {topic.full_name(config): topic.name for topic in agent.topics}

    async def on_failure(error: BaseException) -> None:
        await stop_worker(app, f"{agent.name} cannot store a checkpoint", error)

    return Keeper(
        app,
        agent.name,
        # Without these types Faust would take the values for JSON of its own, and recover an empty table.
        app.Table(agent.table, key_type=bytes, value_type=bytes, partitions=config.partitions),
        agent.state_codec(),
        Producer(app, config, environment.codecs),
        {topic.full_name(config): topic.name for topic in agent.inputs},
        agent.storing,
        on_failure,
        Incarnations(agent.name, names, environment.topic_ids, agent.begin_anew),
    )


def _app() -> HedgehogApp:
    try:
        app = make_app(load_config())
        app.deadline = Deadline("the worker", STOPPED_WITHIN_S)
        return app
    except OF_THE_USER as error:
        raise SystemExit(ended(error)) from None


app = _app()
