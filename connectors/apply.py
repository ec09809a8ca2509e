"""Applies the connector files to Kafka Connect, tells the sinks' states, restarts failed tasks."""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from connectors.files import Connector, load_all
from infra.config import Config
from infra.errors import StackError
from infra.urls import without_password
from schemas.broker import admin, is_replay
from schemas.groups import sink_group, sink_name
from schemas.offsets import committed, go_on_from
from schemas.reader import Partition
from schemas.topics import Topic

READY_TIMEOUT_S = 180.0
REQUEST_TIMEOUT_S = 30.0
POLL_S = 0.25
WATCH_POLL_S = 2.0
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0
UNASSIGNED_S = 60.0
"""Kafka Connect leaves tasks unassigned for moments while it shares them out."""
REBALANCING = 409


class ConnectError(StackError):
    """Kafka Connect does not answer, refuses a connector, or a sink does not come up."""


@dataclass(frozen=True)
class SinkState:
    """The state of one sink.

    `state` is RUNNING, FAILED, PAUSED, STOPPED, UNASSIGNED or RESTARTING as Kafka Connect says, MISSING where it does
    not know the connector; FAILED when any task failed. `error` is the cause, or the causes, in one line, or empty.
    """

    name: str
    state: str
    tasks: tuple[str, ...]
    error: str

    @property
    def running(self) -> bool:
        return self.state == "RUNNING" and bool(self.tasks) and set(self.tasks) == {"RUNNING"}


def apply_all(config: Config, timeout_s: float = READY_TIMEOUT_S) -> list[SinkState]:
    """Create or update the sinks, restart the failed ones, wait until all run; return their states.

    Repeating it disturbs none.

    Raises `ConnectError` that names the sinks which do not run after `timeout_s` seconds, and why; also for sinks of a
    replay into tables that others write.
    """
    connectors = load_all(config)
    deadline = time.monotonic() + timeout_s
    with _client(config) as client:
        if is_replay(config):
            _refuse_shared_tables(client, connectors)
        for connector in connectors:
            _put(client, connector, deadline)
        _restart_failed(client, connectors)
        return _settled(client, connectors, f"run after {timeout_s:.0f} s", lambda sink: sink.running, deadline)


def states(config: Config) -> list[SinkState]:
    """Return the state of every sink. Raises `ConnectError` when Kafka Connect does not answer."""
    with _client(config) as client:
        return _states(client, load_all(config))


def remove_all(config: Config) -> None:
    """Remove the sinks of this installation and wait until they are gone; their topics and tables stay."""
    connectors = load_all(config)
    with _client(config) as client:
        for connector in connectors:
            response = client.delete(f"/connectors/{connector.name}")
            if response.status_code != httpx.codes.NOT_FOUND:
                _raise_for(response, connector.name)
        # Kafka Connect answers first and stops the tasks then.
        deadline, what = time.monotonic() + READY_TIMEOUT_S, f"end after {READY_TIMEOUT_S:.0f} s"
        _settled(client, connectors, what, lambda sink: sink.state == "MISSING", deadline)


class Restarts:
    """Which sinks to restart and when: a failed one at once, then after pauses that double up to a minute.

    One that nobody runs is restarted like one that has failed after `UNASSIGNED_S`. One that runs when its next turn
    comes starts over with the shortest pause.
    """

    def __init__(self) -> None:
        self._pauses: dict[str, float] = {}
        self._next_try: dict[str, float] = {}
        self._unassigned: dict[str, float] = {}

    def due(self, sinks: Collection[SinkState], now: float) -> list[tuple[SinkState, str, float]]:
        """Return those to restart at `now`, what is wrong with each, and its pause in seconds."""
        found = []
        for sink in sinks:
            why = self._why(sink, now)
            if now < self._next_try.get(sink.name, 0):
                continue
            if why is None:
                self._pauses.pop(sink.name, None)
                continue
            pause = min(2 * self._pauses.get(sink.name, FIRST_PAUSE_S / 2), LONGEST_PAUSE_S)
            self._pauses[sink.name], self._next_try[sink.name] = pause, now + pause
            found.append((sink, why, pause))
        return found

    def _why(self, sink: SinkState, now: float) -> str | None:
        if sink.state == "FAILED":
            return f"failed: {sink.error}"
        if "UNASSIGNED" not in (sink.state, *sink.tasks):
            self._unassigned.pop(sink.name, None)
            return None
        since = self._unassigned.setdefault(sink.name, now)
        return f"was given to nobody for {now - since:.0f} s" if now - since >= UNASSIGNED_S else None


def watch(config: Config, stop: threading.Event, say: Callable[[str], None], poll_s: float = WATCH_POLL_S) -> None:
    """Restart sinks as `Restarts` says until `stop` is set. Kafka Connect being away is said and waited out."""
    restarts = Restarts()
    away = ""
    while not stop.wait(poll_s):
        try:
            for sink, why, pause in restarts.due(states(config), time.monotonic()):
                say(f"{sink.name} {why}; restarting, next look in {pause:.0f} s")
                with _client(config) as client:
                    _restart(client, sink.name, only_failed=sink.state == "FAILED")
            away = ""
        except ConnectError as error:
            if str(error) != away:
                say(str(error))
            away = str(error)


def move_past(config: Config, topic: Topic, partition: int, offset: int) -> None:
    """Stop the sink of `topic`, let it go on after an offset of a partition, and start it again.

    Raises `ConnectError` when Kafka Connect does not do so; the sink is started again in any case.
    """
    (connector,) = [connector for connector in load_all(config) if connector.name == sink_name(config, topic)]
    path, deadline = f"/connectors/{connector.name}", time.monotonic() + READY_TIMEOUT_S
    place = {"kafka_topic": topic.full_name(config), "kafka_partition": partition}
    moved = {"offsets": [{"partition": place, "offset": {"kafka_offset": offset + 1}}]}
    with _client(config) as client:
        try:
            _raise_for(client.put(f"{path}/stop"), connector.name)
            stopped = f"stop within {READY_TIMEOUT_S:.0f} s"
            _settled(client, [connector], stopped, lambda sink: sink.state == "STOPPED" and not sink.tasks, deadline)
            # the group may have its last member a moment longer than the sink its task
            while not (response := client.patch(f"{path}/offsets", json=moved)).is_success:
                if time.monotonic() > deadline:
                    break
                time.sleep(POLL_S)
            _raise_for(response, connector.name)
        finally:
            _raise_for(client.put(f"{path}/resume"), connector.name)


def read_again(config: Config, topics: Collection[Topic]) -> None:
    """Let the sinks of these topics begin at the start, where they have read anything; who runs is stopped meanwhile.

    Raises `ConnectError` when Kafka Connect does not stop them; they are started again in any case.
    """
    groups = {sink_group(config, topic): topic for topic in topics}
    client = admin(config)
    read = committed(client, groups)
    if not any(read.values()):
        return
    wanted = {sink_name(config, topic) for group, topic in groups.items() if read[group]}
    with _client(config) as connect:
        known = _all(connect, "status")
        running = [connector for connector in load_all(config) if connector.name in wanted & known.keys()]
        deadline = time.monotonic() + READY_TIMEOUT_S
        try:
            for connector in running:
                _raise_for(connect.put(f"/connectors/{connector.name}/stop"), connector.name)
            stopped = f"stop within {READY_TIMEOUT_S:.0f} s"
            _settled(connect, running, stopped, lambda sink: sink.state == "STOPPED" and not sink.tasks, deadline)
            for group, places in read.items():
                _rewind(client, group, places, deadline)
        finally:
            for connector in running:
                _raise_for(connect.put(f"/connectors/{connector.name}/resume"), connector.name)


def _rewind(client: AdminClient, group: str, places: Collection[Partition], deadline: float) -> None:
    while places:
        try:
            return go_on_from(client, group, dict.fromkeys(places, 0), {})
        except KafkaException:  # the group may have its last member a moment longer than the sink its task
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)


def _client(config: Config) -> httpx.Client:
    # no proxies from the environment: Kafka Connect is ours
    return httpx.Client(
        base_url=config.connect, timeout=REQUEST_TIMEOUT_S, trust_env=False, transport=_Transport(config.connect)
    )


class _Transport(httpx.HTTPTransport):
    """Turns failed connections into one line for the user."""

    def __init__(self, url: str) -> None:
        # without TLS there are no certificates to read, which takes 30 ms and every worker would do it every 5 s
        super().__init__(verify=url.startswith("https:"))
        self._address = without_password(url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return super().handle_request(request)
        except httpx.TransportError as error:
            raise ConnectError(f"no Kafka Connect answers at {self._address}: {error}") from None


def _put(client: httpx.Client, connector: Connector, deadline: float) -> None:
    """Write the configuration unless it is there already, which would restart the tasks for nothing."""
    path = f"/connectors/{connector.name}/config"
    found = client.get(path)
    if found.is_success and found.json() == {**connector.config, "name": connector.name}:
        return
    while (response := client.put(path, json=connector.config)).status_code == REBALANCING:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_S)
    _raise_for(response, connector.name)


def _refuse_shared_tables(client: httpx.Client, connectors: list[Connector]) -> None:
    names, databases = {c.name for c in connectors}, {database_of(c.config) for c in connectors}
    for name, config in _configs(client).items():
        if name not in names and database_of(config) in databases:
            raise ConnectError(
                f"the sink {name} writes into the same database: a replay needs one of its own "
                "(hedgehog replay prepare --database NAME)"
            )


def all_connectors(config: Config) -> dict[str, dict[str, str]]:
    """Return the configuration of every connector that Kafka Connect knows, whoever applied it, by name."""
    with _client(config) as client:
        return _configs(client)


def _configs(client: httpx.Client) -> dict[str, dict[str, str]]:
    return {name: found["config"] for name, found in _all(client, "info").items()}


def _all(client: httpx.Client, what: str) -> dict[str, Any]:
    """Return the `info` or the `status` of every connector, by name: one request for all of them."""
    response = client.get("/connectors", params={"expand": what})
    _raise_for(response, "of any name")
    return {name: found[what] for name, found in response.json().items()}


def database_of(config: dict[str, str]) -> str:
    """Return the URL that a sink writes to, without options; empty for what is no sink into a database."""
    return config.get("connection.url", "").partition("?")[0]


def _states(client: httpx.Client, connectors: list[Connector]) -> list[SinkState]:
    found = _all(client, "status")
    return [_state(connector.name, found.get(connector.name)) for connector in connectors]


def _state(name: str, status: dict[str, Any] | None) -> SinkState:
    if status is None:
        return SinkState(name, "MISSING", (), "")
    parts = [status["connector"], *status["tasks"]]
    failed = [part for part in parts if part["state"] == "FAILED"]
    state = "FAILED" if failed else status["connector"]["state"]
    causes = dict.fromkeys(_cause(part.get("trace", "")) for part in failed)
    return SinkState(name, state, tuple(task["state"] for task in status["tasks"]), "; ".join(causes))


def _cause(trace: str) -> str:
    """Return the innermost cause that a Java stack trace names, in one line."""
    lines = trace.splitlines()
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes or lines or [""])[-1 if causes else 0].strip()


def _settled(
    client: httpx.Client, connectors: list[Connector], what: str, there: Callable[[SinkState], bool], deadline: float
) -> list[SinkState]:
    """Return the sinks' states once all are `there`; `ConnectError` names those that do not do `what`."""
    while True:
        found = _states(client, connectors)
        if all(there(sink) for sink in found):
            return found
        if time.monotonic() > deadline:
            stuck = "; ".join(f"{s.name} is {s.state} {s.error}".strip() for s in found if not there(s))
            raise ConnectError(f"sinks do not {what}: {stuck}")
        time.sleep(POLL_S)


def _restart_failed(client: httpx.Client, connectors: list[Connector]) -> None:
    for sink in _states(client, connectors):
        if sink.state == "FAILED":
            _restart(client, sink.name)


def _restart(client: httpx.Client, name: str, only_failed: bool = True) -> None:
    response = client.post(f"/connectors/{name}/restart", params={"includeTasks": True, "onlyFailed": only_failed})
    if response.status_code != REBALANCING:  # then it is started anew anyway
        _raise_for(response, name)


def _raise_for(response: httpx.Response, name: str) -> None:
    if not response.is_success:
        try:
            reason = response.json()["message"]
        except (ValueError, KeyError, TypeError):
            reason = response.text[:200]
        raise ConnectError(f"connector {name}: Kafka Connect answers {response.status_code}: {reason}")
