"""The interface of Kafka Connect: what it knows of the sinks, and its refusals as errors of one line."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.files import Connector, load_all
from infra.config import Config
from infra.errors import StackError
from infra.urls import without_password

READY_TIMEOUT_S = 180.0
REQUEST_TIMEOUT_S = 30.0
POLL_S = 0.25
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


def states(config: Config) -> list[SinkState]:
    """Return the state of every sink. Raises `ConnectError` when Kafka Connect does not answer."""
    with connect_client(config) as client:
        return states_of(client, load_all(config))


def all_connectors(config: Config) -> dict[str, dict[str, str]]:
    """Return the configuration of every connector that Kafka Connect knows, whoever applied it, by name."""
    with connect_client(config) as client:
        return configs_of(client)


def configs_of(client: httpx.Client) -> dict[str, dict[str, str]]:
    """Return the configuration of every connector, by name."""
    return {name: found["config"] for name, found in every(client, "info").items()}


def every(client: httpx.Client, what: str) -> dict[str, Any]:
    """Return the `info` or the `status` of every connector, by name: one request for all of them."""
    response = client.get("/connectors", params={"expand": what})
    raise_for(response, "of any name")
    return {name: found[what] for name, found in response.json().items()}


def database_of(config: dict[str, str]) -> str:
    """Return the URL that a sink writes to, without options; empty for what is no sink into a database."""
    return config.get("connection.url", "").partition("?")[0]


def connect_client(config: Config) -> httpx.Client:
    """Return a client of Kafka Connect's interface, to be closed; it raises `ConnectError` where nobody answers."""
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


def states_of(client: httpx.Client, connectors: list[Connector]) -> list[SinkState]:
    """Return the states of these sinks."""
    found = every(client, "status")
    return [_state(connector.name, found.get(connector.name)) for connector in connectors]


def _state(name: str, status: dict[str, Any] | None) -> SinkState:
    if status is None:
        return SinkState(name, "MISSING", (), "")
    parts = [status["connector"], *status["tasks"]]
    failed = [part for part in parts if part["state"] == "FAILED"]
    state = "FAILED" if failed else status["connector"]["state"]
    causes = dict.fromkeys(innermost_cause(part.get("trace", "")) for part in failed)
    return SinkState(name, state, tuple(task["state"] for task in status["tasks"]), "; ".join(causes))


def innermost_cause(trace: str) -> str:
    """Return the innermost cause that a Java stack trace names, in one line."""
    lines = trace.splitlines()
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes or lines or [""])[-1 if causes else 0].strip()


def settled(
    client: httpx.Client, connectors: list[Connector], what: str, there: Callable[[SinkState], bool], deadline: float
) -> list[SinkState]:
    """Return the sinks' states once all are `there`; `ConnectError` names those that do not do `what`."""
    while True:
        found = states_of(client, connectors)
        if all(there(sink) for sink in found):
            return found
        if time.monotonic() > deadline:
            stuck = "; ".join(f"{s.name} is {s.state} {s.error}".strip() for s in found if not there(s))
            raise ConnectError(f"sinks do not {what}: {stuck}")
        time.sleep(POLL_S)


def start(client: httpx.Client, sink: SinkState) -> None:
    """Start a sink anew: one that was stopped, what has failed of one that failed, or all of it."""
    if sink.state == "STOPPED":
        resume(client, sink.name)
        return
    only_failed = sink.state == "FAILED"
    response = client.post(f"/connectors/{sink.name}/restart", params={"includeTasks": True, "onlyFailed": only_failed})
    if response.status_code != REBALANCING:  # then it is started anew anyway
        raise_for(response, sink.name)


def resume(client: httpx.Client, name: str) -> None:
    """Start a connector that was stopped."""
    raise_for(client.put(f"/connectors/{name}/resume"), name)


def raise_for(response: httpx.Response, name: str) -> None:
    """Raise `ConnectError`, with what Kafka Connect says about the connector of this name, for a refusal."""
    if not response.is_success:
        try:
            reason = response.json()["message"]
        except (ValueError, KeyError, TypeError):
            reason = response.text[:200]
        raise ConnectError(f"connector {name}: Kafka Connect answers {response.status_code}: {reason}")
