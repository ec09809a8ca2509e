"""How far the readers of the topics are behind, by the offsets that they have committed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from infra.config import Config
from schemas.broker import admin
from schemas.groups import sink_group, worker_group
from schemas.offsets import Committed, committed
from schemas.spans import TIMEOUT_S, Spans, partitions, spans
from schemas.topics import FILLS, INSTRUMENTS, ORDERS, QUOTES, SETTINGS, SINKS, TOPICS, TRADES, WATCHES, Topic

WORKER_TOPICS = (TRADES, FILLS, ORDERS, INSTRUMENTS, SETTINGS, WATCHES, QUOTES)
NO_MEMBERS = (ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD, ConsumerGroupState.UNKNOWN)


@dataclass(frozen=True)
class Lag:
    """How many records of a topic a consumer group has still to handle; `state` is the group's, in small letters."""

    group: str
    state: str
    topic: str
    records: int


def records_behind(found: Spans, topic: str, committed: Committed) -> int:
    """Return how many records of `topic` come after what is committed; all of a partition of which nothing is."""
    return sum(
        max(0, end - max(first, committed.get((name, number), first)))
        for (name, number), (first, end) in found.items()
        if name == topic
    )


def lags(config: Config) -> list[Lag]:
    """Return how far every group is behind that has committed an offset of a topic of ours, by group and topic."""
    client = admin(config)
    listed = client.list_consumer_groups(request_timeout=TIMEOUT_S).result().valid
    states = {group.group_id: group.state.name.lower() for group in listed}
    offsets = committed(config, sorted(states))
    names = [topic.full_name(config) for topic in TOPICS.values()]
    found = spans(client, partitions(client, names))
    return [
        Lag(group, states[group], name, records_behind(found, name, of_group))
        for group, of_group in offsets.items()
        for name in names
        if any(topic == name for topic, _ in of_group)
    ]


def readers(config: Config) -> dict[str, Sequence[Topic]]:
    """Return the groups of a pipeline that runs, the workers' first, and the topics that each reads."""
    sinks = {sink_group(config, topic): (topic,) for topic in SINKS}
    return {worker_group(config): WORKER_TOPICS, **sinks}


def behind(config: Config, client: AdminClient, reading: Mapping[str, Sequence[Topic]]) -> dict[str, int]:
    """Return how many records each of these groups has still to handle, all its topics together.

    The offsets are read before the ends of the topics. So when every group is at the ends, all that was there had been
    handled, and what that made was already counted: nothing moves any more until somebody sends something from outside.
    """
    return behind_of(config, client, reading, committed(config, reading))


def behind_of(
    config: Config, client: AdminClient, reading: Mapping[str, Sequence[Topic]], offsets: Mapping[str, Committed]
) -> dict[str, int]:
    """Return the same of groups that have committed these offsets, by group, which were read just before."""
    names = {group: [topic.full_name(config) for topic in topics] for group, topics in reading.items()}
    found = spans(client, partitions(client, {name: None for some in names.values() for name in some}))
    return {group: sum(records_behind(found, name, offsets[group]) for name in some) for group, some in names.items()}


def worker_groups(client: AdminClient, config: Config) -> dict[str, bool]:
    """Return the groups of workers, whatever agents they run, and whether anybody has joined each."""
    whole = worker_group(config)
    listed = client.list_consumer_groups(request_timeout=TIMEOUT_S).result(TIMEOUT_S).valid
    active = {found.group_id: found.state not in NO_MEMBERS for found in sorted(listed, key=lambda one: one.group_id)}
    return {name: joined for name, joined in active.items() if name == whole or name.startswith(f"{whole}:")}
