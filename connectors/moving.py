"""Moves sinks to other offsets of their topics; who runs is stopped meanwhile, for a group with members takes none."""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from connectors.files import load_all
from connectors.interface import POLL_S, READY_TIMEOUT_S, connect_client, every, raise_for, resume, settled
from infra.config import Config
from schemas.broker import admin
from schemas.groups import sink_group, sink_name
from schemas.offsets import Committed, committed, go_on_from
from schemas.topics import Topic


def move_past(config: Config, topic: Topic, partition: int, offset: int) -> None:
    """Let the sink of `topic` go on after an offset of a partition. Raises what `move` does."""
    move(config, {topic: {(topic.full_name(config), partition): offset + 1}})


def read_again(config: Config, topics: Collection[Topic]) -> None:
    """Let the sinks of these topics begin at the start, where they have read anything. Raises what `move` does."""
    groups = {topic: sink_group(config, topic) for topic in topics}
    read = committed(config, groups.values())
    move(config, {topic: dict.fromkeys(read[group], 0) for topic, group in groups.items()})


def move(config: Config, offsets: Mapping[Topic, Committed]) -> None:
    """Let the sinks of these topics go on from these offsets; partitions that are not named stay as they are.

    Raises `ConnectError` when Kafka Connect does not stop them; they are started again in any case.
    """
    wanted = {topic: places for topic, places in offsets.items() if places}
    if not wanted:
        return
    client, deadline = admin(config), time.monotonic() + READY_TIMEOUT_S
    with _stopped(config, {sink_name(config, topic) for topic in wanted}, deadline):
        for topic, places in wanted.items():
            _commit(client, sink_group(config, topic), places, deadline)


@contextmanager
def _stopped(config: Config, names: Collection[str], deadline: float) -> Iterator[None]:
    """Those of the sinks of these names that Kafka Connect knows are stopped; one that was paused is so again after."""
    with connect_client(config) as connect:
        states = {name: status["connector"]["state"] for name, status in every(connect, "status").items()}
        running = [connector for connector in load_all(config) if connector.name in names & states.keys()]
        try:
            for connector in running:
                raise_for(connect.put(f"/connectors/{connector.name}/stop"), connector.name)
            stopped = f"stop within {READY_TIMEOUT_S:.0f} s"
            settled(connect, running, stopped, lambda sink: sink.state == "STOPPED" and not sink.tasks, deadline)
            yield
        finally:
            for connector in running:
                if states[connector.name] == "PAUSED":
                    raise_for(connect.put(f"/connectors/{connector.name}/pause"), connector.name)
                else:
                    resume(connect, connector.name)


def _commit(client: AdminClient, group: str, offsets: Committed, deadline: float) -> None:
    while True:
        try:
            return go_on_from(client, group, offsets, {})
        except (
            KafkaException,
            TimeoutError,
        ):  # the group may have its last member a moment longer than the sink its task
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
