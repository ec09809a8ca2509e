"""The state of the pipeline's parts, as rows for `status`, `doctor` and `topics list`."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from connectors.apply import states
from infra import probes
from infra.config import Config
from schemas.topics import DEAD_LETTERS, SINKS, TOPICS, sink_dead_letters
from streams.cli import endpoints
from streams.cli.errors import CliError
from streams.topics.read import TIMEOUT_S, Bounds, admin, bounds, partitions

Rows = list[dict[str, Any]]

COUNT_TIMEOUT_MS = 5_000
TABLES = tuple(topic.name for topic in SINKS)


def parts(config: Config) -> Rows:
    """Broker, registry, Connect and database: `up` where it answers, and why not where it does not."""
    host, port = endpoints.database_address(config)
    return [
        _part("broker", config.bootstrap, endpoints.need_broker, config, lambda: probes.broker(config.bootstrap)),
        _part("registry", config.registry, endpoints.need_registry, config, lambda: probes.registry(config.registry)),
        _part("connect", config.connect, endpoints.need_connect, config, lambda: probes.connect(config.connect)),
        _part("postgres", f"{host}:{port}", endpoints.need_database, config, lambda: probes.database(config.database)),
    ]


def _part(
    name: str, endpoint: str, listens: Callable[[Config], None], config: Config, answers: Callable[[], None]
) -> dict[str, Any]:
    state, detail = "up", None
    try:
        listens(config)
        answers()
    except CliError:
        state, detail = "down", "nothing listens there"
    except Exception as error:  # whatever a client raises: the part is there and does not work
        state, detail = "not ready", (str(error).splitlines() or [type(error).__name__])[0]
    return {"part": name, "state": state, "endpoint": endpoint, "detail": detail}


def topics(config: Config) -> Rows:
    """Every topic of the system with its partitions and the number of records it keeps."""
    client = admin(config)
    names = {topic.full_name(config): topic for topic in TOPICS.values()}
    found = partitions(client, list(names))
    edges = bounds(client, [p for some in found.values() for p in some])
    rows = []
    for name, topic in names.items():
        count = len(found.get(name, ()))
        state = "missing" if not count else "ok" if count == config.partitions else "problem"
        rows.append(
            {
                "topic": name,
                "state": state,
                "partitions": count,
                "messages": sum(end - first for (t, _), (first, end) in edges.items() if t == name),
                "cleanup": topic.config.get("cleanup.policy", "delete"),
                "purpose": topic.purpose,
            }
        )
    return rows


def groups(config: Config) -> Rows:
    """The consumer groups that read our topics: how far each is behind, by topic."""
    client = admin(config)
    names = [topic.full_name(config) for topic in TOPICS.values()]
    ours = [p for some in partitions(client, names).values() for p in some]
    edges = bounds(client, ours)
    listed = client.list_consumer_groups(request_timeout=TIMEOUT_S).result().valid
    states = {group.group_id: group.state.name.lower() for group in listed}
    rows: Rows = []
    for group_id, committed in _committed(client, sorted(states)).items():
        for name in names:
            positions = {p.partition: p.offset for p in committed if p.topic == name}
            if positions:
                lag = _lag(edges, name, positions)
                rows.append({"group": group_id, "state": states[group_id], "topic": name, "lag": lag})
    return rows


def _committed(client: AdminClient, group_ids: list[str]) -> dict[str, list[TopicPartition]]:
    """The committed positions of each group; asked one group a request, all at once."""
    futures = {
        group_id: client.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group_id)], request_timeout=TIMEOUT_S
        )[group_id]
        for group_id in group_ids
    }
    return {group_id: future.result().topic_partitions for group_id, future in futures.items()}


def _lag(edges: Bounds, topic: str, positions: dict[int, int]) -> int:
    """Records of `topic` behind the positions; a partition without a position has all its records to come."""
    return sum(
        max(0, end - max(first, positions.get(partition, first)))
        for (name, partition), (first, end) in edges.items()
        if name == topic
    )


def dead_letters(config: Config) -> int:
    """Number of dead letters in all topics of them."""
    client = admin(config)
    names = [topic.full_name(config) for topic in dead_letter_topics()]
    found = [p for some in partitions(client, names).values() for p in some]
    return sum(end - first for first, end in bounds(client, found).values())


def dead_letter_topics() -> list[Any]:
    """Where dead letters are: ours, and those of each sink."""
    return [DEAD_LETTERS, *(sink_dead_letters(topic) for topic in SINKS)]


def connectors(config: Config) -> Rows:
    """The sinks and their tasks; `ok` where the connector and all of its tasks run."""
    return [
        {
            "connector": sink.name,
            "state": sink.state,
            "tasks": list(sink.tasks),
            "error": sink.error or None,
            "ok": sink.running,
        }
        for sink in states(config)
    ]


def tables(config: Config) -> Rows:
    """Rows of each table of the warehouse; `None` where counting takes too long."""
    endpoints.need_database(config)
    options = f"-c statement_timeout={COUNT_TIMEOUT_MS} -c lock_timeout={COUNT_TIMEOUT_MS}"
    engine = create_engine(config.database, connect_args={"connect_timeout": 5, "options": options})
    rows: Rows = []
    try:
        with engine.connect() as connection:
            for table in TABLES:
                try:
                    count = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
                except DBAPIError as error:
                    connection.rollback()
                    rows.append({"table": table, "rows": None, "problem": str(error.orig).splitlines()[0]})
                else:
                    rows.append({"table": table, "rows": count, "problem": None})
    finally:
        engine.dispose()
    return rows
