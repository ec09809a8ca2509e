"""Applies the connector files to Kafka Connect, and removes what was applied."""

import time

import httpx

from connectors.files import Connector, load_all
from connectors.interface import (
    POLL_S,
    READY_TIMEOUT_S,
    REBALANCING,
    ConnectError,
    SinkState,
    configs_of,
    connect_client,
    database_of,
    raise_for,
    settled,
    start,
    states_of,
)
from infra.config import Config
from schemas.broker import is_replay


def apply_all(config: Config, timeout_s: float = READY_TIMEOUT_S) -> list[SinkState]:
    """Create or update the sinks, start those that failed or were stopped, wait until all run; return their states.

    Repeating it disturbs none.

    Raises `ConnectError` that names the sinks which do not run after `timeout_s` seconds, and why; also for sinks of a
    replay into tables that others write.
    """
    connectors = load_all(config)
    deadline = time.monotonic() + timeout_s
    with connect_client(config) as client:
        if is_replay(config):
            _refuse_shared_tables(client, connectors)
        for connector in connectors:
            _put(client, connector, deadline)
        _start(client, connectors)
        return settled(client, connectors, f"run after {timeout_s:.0f} s", lambda sink: sink.running, deadline)


def remove_all(config: Config) -> None:
    """Remove the sinks of this installation and wait until they are gone; their topics and tables stay."""
    connectors = load_all(config)
    with connect_client(config) as client:
        for connector in connectors:
            response = client.delete(f"/connectors/{connector.name}")
            if response.status_code != httpx.codes.NOT_FOUND:
                raise_for(response, connector.name)
        # Kafka Connect answers first and stops the tasks then.
        deadline, what = time.monotonic() + READY_TIMEOUT_S, f"end after {READY_TIMEOUT_S:.0f} s"
        settled(client, connectors, what, lambda sink: sink.state == "MISSING", deadline)


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
    raise_for(response, connector.name)


def _refuse_shared_tables(client: httpx.Client, connectors: list[Connector]) -> None:
    names, databases = {c.name for c in connectors}, {database_of(c.config) for c in connectors}
    for name, config in configs_of(client).items():
        if name not in names and database_of(config) in databases:
            raise ConnectError(
                f"the sink {name} writes into the same database: a replay needs one of its own "
                "(hedgehog replay prepare --database NAME)"
            )


def _start(client: httpx.Client, connectors: list[Connector]) -> None:
    """Start those that have failed, or that a program stopped which ended before it started them again."""
    for sink in states_of(client, connectors):
        if sink.state in ("STOPPED", "FAILED"):
            start(client, sink)
