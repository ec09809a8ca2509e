"""The state of the pipeline's parts, as rows for `status`, `doctor` and `topics list`."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from connectors.interface import states
from infra import probes
from infra.config import Config
from infra.errors import Unreachable
from producers.gap_records import read_gaps
from schemas.broker import admin
from schemas.copies import differences, found_copies
from schemas.gap_records import GapStatus
from schemas.spans import partitions, spans
from schemas.topics import DEAD_LETTER_TOPICS, SINKS, TOPICS
from streams.cli import endpoints
from streams.topics.lag import lags
from streams.topics.read import count

Rows = list[dict[str, Any]]

COUNT_TIMEOUT_MS = 5_000
TABLES = tuple(topic.name for topic in SINKS)


def parts(config: Config) -> Rows:
    """Return broker, registry, Connect and database: `up` where it answers, and why not where it does not."""
    host, port = endpoints.database_address(config)
    registry, connect = config.registry_shown, config.connect_shown
    return [
        _part("broker", config.bootstrap, endpoints.need_broker, config, lambda: probes.broker(config)),
        _part("registry", registry, endpoints.need_registry, config, lambda: probes.registry(config.registry)),
        _part("connect", connect, endpoints.need_connect, config, lambda: probes.connect(config.connect)),
        _part("postgres", f"{host}:{port}", endpoints.need_database, config, lambda: probes.database(config.database)),
    ]


def _part(
    name: str, endpoint: str, listens: Callable[[Config], None], config: Config, answers: Callable[[], None]
) -> dict[str, Any]:
    state, detail = "up", None
    try:
        listens(config)
        answers()
    except Unreachable:
        state, detail = "down", "nothing listens there"
    except Exception as error:  # whatever a client raises: the part is there and does not work
        state, detail = "not ready", (str(error).splitlines() or [type(error).__name__])[0]
    return {"part": name, "state": state, "endpoint": endpoint, "detail": detail}


def topics(config: Config) -> Rows:
    """Return every topic of the system with its partitions and the number of records it keeps."""
    client = admin(config)
    names = {topic.full_name(config): topic for topic in TOPICS.values()}
    found = spans(client, partitions(client, names))
    rows = []
    for name, topic in names.items():
        kept = [end - first for (of, _), (first, end) in found.items() if of == name]
        state = "missing" if not kept else "ok" if len(kept) == config.partitions else "problem"
        rows.append(
            {
                "topic": name,
                "state": state,
                "partitions": len(kept),
                "messages": sum(kept),
                "cleanup": topic.config.get("cleanup.policy", "delete"),
                "purpose": topic.purpose,
            }
        )
    return rows


def copies(config: Config) -> dict[str, Any]:
    """Return the brokers that answer of those asked for, and how the copies of the topics are."""
    found = found_copies(config)
    return {
        "brokers": found.brokers,
        "brokers_asked": config.own_brokers or None,
        "copies": config.copies,
        "min_insync": config.min_insync,
        "partitions_behind": sum(topic.behind for topic in found.topics),
        "partitions_leaderless": sum(topic.leaderless for topic in found.topics),
        "differences": differences(config, found),
    }


def groups(config: Config) -> Rows:
    """Return the consumer groups that read our topics: how far each is behind, by topic."""
    return [{"group": lag.group, "state": lag.state, "topic": lag.topic, "lag": lag.records} for lag in lags(config)]


def dead_letters(config: Config) -> int:
    """Return the number of dead letters in all topics of them."""
    return count(config, DEAD_LETTER_TOPICS)


def gaps(config: Config) -> dict[str, int]:
    """Return how many gaps in the trades are open, how many were lost, and how often ids began anew, if they did."""
    found = read_gaps(config)
    counted = Counter(gap.status for gap in found)
    anew = sum(gap.begins_anew for gap in found)
    counts = {status.value: counted[status] for status in (GapStatus.OPEN, GapStatus.LOST)}
    return counts | ({"where ids began anew": anew} if anew else {})


def connectors(config: Config) -> Rows:
    """Return the sinks and their tasks; `ok` where the connector and all of its tasks run."""
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


def fault(row: dict[str, Any]) -> str:
    """Return what is wrong with a sink that is not `ok`: its error, or its state, or that of its tasks."""
    tasks = ", ".join(row["tasks"]) or "none"
    return str(row["error"] or (row["state"] if row["state"] != "RUNNING" else f"its tasks are {tasks}"))


def tables(config: Config) -> Rows:
    """Return the number of rows of each table of the warehouse; None where counting takes too long."""
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
