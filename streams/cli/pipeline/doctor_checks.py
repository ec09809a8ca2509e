"""The checks of `hedgehog doctor`, in the order in which a first-time user mends them."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import NOT_FOUND
from typing import Any

import httpx
from sqlalchemy import create_engine, text

from infra import probes
from infra.config import Config, load_config, misspelt
from infra.supported import unsupported
from producers.settings_topic import read_setups
from schemas.broker import check_topics
from schemas.codec import schema_text
from schemas.copies import differences, found_copies
from schemas.records import Record
from schemas.registry import ENOUGH, client, compatibility
from schemas.registry_client import RegistryClient, RegistryError
from schemas.topics import TOPICS
from streams.cli import endpoints
from streams.cli.errors import CliError
from streams.cli.failures import explained
from streams.cli.pipeline import parts
from streams.cli.pipeline.running import missing, running, standing_still

DISK_NEEDED_GB = 2
FREE_DISK = "free some, or HEDGEHOG_DATA_DIR=<a folder on another disk>"
COPIES_FIX = "make infra-up, and look again once brokers have caught up; HEDGEHOG_REPLICATION is for new topics"
CLOCK_WARN_S = 1.0
HTTP_TIMEOUT_S = 2.0


class Problem(Exception):
    """Something has to be mended: what, and what to type."""

    def __init__(self, finding: str, fix: str, state: str = "problem") -> None:
        super().__init__(finding)
        self.fix = fix
        self.state = state


@dataclass(frozen=True)
class Check:
    """One line of the doctor. It is left out while a check it `needs` has a problem."""

    name: str
    look: Callable[[], str]
    needs: tuple[str, ...] = ()


def run(check: Check, before: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the line of one check, after those `before` it."""
    broken = [row["check"] for row in before if row["state"] in ("problem", "skipped")]
    blocked = [name for name in check.needs if name in broken]
    if blocked:
        return _line(check, "skipped", f"needs {', '.join(blocked)}", None)
    try:
        return _line(check, "ok", check.look(), None)
    except Problem as problem:
        return _line(check, problem.state, str(problem), problem.fix)
    except Exception as error:
        known = explained(error) or CliError(f"{type(error).__name__}: {error}", hint="make infra-up")
        return _line(check, "problem", str(known), known.hint)


def _line(check: Check, state: str, finding: str, fix: str | None) -> dict[str, Any]:
    return {"check": check.name, "state": state, "finding": finding, "type": fix}


def _python() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if reason := unsupported():
        raise Problem(reason, "make setup PYTHON=python3.13, on such a machine")
    return f"Python {version}"


def _config() -> str:
    config = load_config()
    if unknown := misspelt():
        raise Problem("; ".join(unknown), "see .env.example for every variable", "warning")
    prefix = f", topics begin with {config.topic_prefix!r}" if config.topic_prefix else ""
    return f"infra {config.infra}, data in {config.data_dir}, {config.partitions} partitions{prefix}"


def _disk() -> str:
    place = load_config().data_dir.absolute()
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        raise Problem(f"{place} is not writable", "HEDGEHOG_DATA_DIR=<a folder of yours>")
    free = shutil.disk_usage(place).free / 1e9
    if free < DISK_NEEDED_GB:
        raise Problem(f"{free:.1f} GB free at {place}, {DISK_NEEDED_GB} are needed", FREE_DISK)
    return f"{free:.0f} GB free at {place}"


def _broker() -> str:
    config = load_config()
    endpoints.need_broker(config)
    probes.broker(config)
    return f"answers at {config.bootstrap}"


def _registry() -> str:
    config = load_config()
    endpoints.need_registry(config)
    probes.registry(config.registry)
    return f"answers at {config.registry_shown}"


def _connect() -> str:
    config = load_config()
    endpoints.need_connect(config)
    probes.connect(config.connect)
    return f"answers at {config.connect_shown}"


def _postgres() -> str:
    config = load_config()
    endpoints.need_database(config)
    probes.database(config.database)
    host, port = endpoints.database_address(config)
    return f"answers at {host}:{port}"


def _topics() -> str:
    config = load_config()
    check_topics(config)
    return f"all {len(TOPICS)} with {config.partitions} partitions"


def _copies() -> str:
    config = load_config()
    found = found_copies(config)
    if wrong := differences(config, found):
        raise Problem("; ".join(wrong), COPIES_FIX)
    return f"{found.brokers} brokers, {config.copies} copies of every topic, {config.min_insync} of every record"


def _schemas() -> str:
    config = load_config()
    registry = client(config)
    ours = {topic.subject(config): topic.record for topic in TOPICS.values() if topic.record is not None}
    missing = [subject for subject, record in ours.items() if not _registered(registry, subject, record)]
    if missing:
        raise Problem(f"not registered as they are here: {', '.join(missing)}", "make infra-up")
    loose = [subject for subject in ours if compatibility(registry, subject) not in ENOUGH]
    if loose:
        raise Problem(f"may be replaced by schemas that cannot read their records: {', '.join(loose)}", "make infra-up")
    return f"all {len(ours)} registered, backward compatible"


def _registered(registry: RegistryClient, subject: str, record: type[Record]) -> bool:
    try:
        registry.lookup(subject, schema_text(record))
    except RegistryError as error:
        if error.status != NOT_FOUND:
            raise
        return False
    return True


def _tables() -> str:
    rows = parts.tables(load_config())
    missing = [row["table"] for row in rows if row["problem"]]
    if missing:
        raise Problem(f"cannot be read: {', '.join(missing)}", "make infra-up")
    return f"{', '.join(row['table'] for row in rows)}"


def _connectors() -> str:
    rows = parts.connectors(load_config())
    broken = [f"{row['connector']}: {parts.fault(row)}" for row in rows if not row["ok"]]
    if broken:
        raise Problem("; ".join(broken), "make infra-up; if it stays so, make infra-logs")
    return f"all {len(rows)} RUNNING"


def _settings() -> str:
    known = read_setups(load_config())
    if not known:
        raise Problem("no instrument is known yet", "hedgehog settings seed", "warning")
    streamed = sum(setup.settings.streaming for setup in known.values())
    traded = sum(setup.settings.status.value == "on" for setup in known.values())
    return f"{len(known)} instruments, {streamed} streamed, {traded} traded"


def _running() -> str:
    found = running(load_config())
    if wrong := missing(found):
        raise Problem("; ".join(wrong), "hedgehog worker, hedgehog produce", "warning")
    streaming = ", ".join(f"{name} by {who[0]}" for name, who in found["producers"].items())
    return f"{found['workers']} workers" + (f", {streaming}" if streaming else "")


def _readers() -> str:
    if still := standing_still(load_config()):
        raise Problem("; ".join(still), "its log: make infra-logs, or where the worker runs", "warning")
    return "workers and sinks read what there is"


def _dead_letters() -> str:
    count = parts.dead_letters(load_config())
    if count:
        raise Problem(f"{count} records could not be handled", "hedgehog dlq list", "warning")
    return "none"


def _clock() -> str:
    """Against the exchange's clock where it can be reached, else against the database's."""
    config = load_config()
    began = time.time()
    try:
        answer = httpx.get(f"{config.binance_rest_url}/api/v3/time", timeout=HTTP_TIMEOUT_S)
        theirs = float(answer.raise_for_status().json()["serverTime"]) / 1_000
        whose = "the exchange's"
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        began = time.time()
        theirs, whose = _database_time(config), "the database's (the exchange cannot be reached)"
    off = (began + time.time()) / 2 - theirs
    if abs(off) > CLOCK_WARN_S:
        raise Problem(f"{off:+.1f} s off {whose}", "set the clock, for example with chrony", "warning")
    return f"within {max(abs(off), 0.001):.3f} s of {whose}"


def _database_time(config: Config) -> float:
    endpoints.need_database(config)
    engine = create_engine(config.database, connect_args={"connect_timeout": 2})
    try:
        with engine.connect() as connection:
            return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    finally:
        engine.dispose()


CHECKS = (
    Check("python", _python),
    Check("configuration", _config),
    Check("disk", _disk, ("configuration",)),
    Check("broker", _broker, ("configuration",)),
    Check("registry", _registry, ("configuration",)),
    Check("postgres", _postgres, ("configuration",)),
    Check("connect", _connect, ("configuration",)),
    Check("topics", _topics, ("broker",)),
    Check("copies", _copies, ("topics",)),
    Check("schemas", _schemas, ("registry",)),
    Check("tables", _tables, ("postgres",)),
    Check("connectors", _connectors, ("connect",)),
    Check("settings", _settings, ("topics", "registry")),
    Check("running", _running, ("topics", "settings")),
    Check("readers", _readers, ("topics",)),
    Check("dead letters", _dead_letters, ("topics",)),
    Check("clock", _clock, ("postgres",)),
)
