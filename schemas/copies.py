"""The brokers that there are and the copies of each topic: what was asked for, and what is found."""

from collections import defaultdict
from typing import NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its names are not said to be its own
    ConfigResource,
    ResourceType,
    TopicMetadata,
)

from infra.config import Config, all_but_one
from infra.errors import Unreachable
from schemas.broker import MIN_INSYNC, TIMEOUT_S, admin, fewest_copies, if_there
from schemas.topics import TOPICS

OF_KAFKA = ("__consumer_offsets", "connect-configs", "connect-offsets", "connect-status")
"""What Kafka and Kafka Connect keep on the stack's own brokers: lost with one that has the only copy."""
SHOWN = 3


class Copies(NamedTuple):
    """The copies of a topic: of the partition that has fewest, how many of them have to have a record, and in how many
    partitions fewer than all are in sync, or nobody leads."""

    topic: str
    copies: int
    min_insync: int
    behind: int
    leaderless: int


class Found(NamedTuple):
    """The brokers that answer, and our topics."""

    brokers: int
    topics: list[Copies]


def found_copies(config: Config) -> Found:
    """Return what there is, of topics that exist. Raises `Unreachable` when the broker does not answer."""
    client = admin(config)
    wanted = [topic.full_name(config) for topic in TOPICS.values()] + list(OF_KAFKA if config.own_brokers else ())
    try:
        metadata = client.list_topics(timeout=TIMEOUT_S)
        there = {name: metadata.topics[name] for name in wanted if name in metadata.topics}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in there]
        asked = client.describe_configs(resources, request_timeout=TIMEOUT_S) if resources else {}
        settings = {resource.name: if_there(future) for resource, future in asked.items()}
    except KafkaException as error:
        raise Unreachable(f"no Kafka broker answers at {config.bootstrap}: {error.args[0].str()}") from None
    in_sync = {name: int(entries[MIN_INSYNC].value) for name, entries in settings.items() if entries is not None}
    return Found(len(metadata.brokers), [_copies_of(name, there[name], least) for name, least in in_sync.items()])


def _copies_of(name: str, topic: TopicMetadata, min_insync: int) -> Copies:
    partitions = topic.partitions.values()
    return Copies(
        name,
        fewest_copies(topic),
        min_insync,
        behind=sum(len(each.isrs) < len(each.replicas) for each in partitions),
        leaderless=sum(each.leader < 0 for each in partitions),
    )


def asked_copies(config: Config, topic: str) -> tuple[int, int]:
    """Return how many copies a topic is to have, and how many of them have to have a record."""
    if topic in OF_KAFKA:
        return config.kafka_copies, all_but_one(config.kafka_copies)
    return config.copies, config.min_insync


def differences(config: Config, found: Found) -> list[str]:
    """Return, a line each, where what is found is not what was asked for."""
    lines = []
    if config.own_brokers and found.brokers != config.own_brokers:
        lines.append(f"{found.brokers} of {config.own_brokers} brokers answer")
    elif found.brokers < config.copies:
        lines.append(f"{found.brokers} brokers answer, and every topic is to have {config.copies} copies")
    wrong: defaultdict[str, list[str]] = defaultdict(list)
    for topic in found.topics:
        copies, min_insync = asked_copies(config, topic.topic)
        if topic.copies != copies:
            wrong[f"{topic.copies} copies, and {copies} are asked for"].append(topic.topic)
        elif topic.min_insync != min_insync:
            wrong[f"{MIN_INSYNC}={topic.min_insync}, and {min_insync} is asked for"].append(topic.topic)
        if topic.behind:
            wrong["partitions whose copies are not all in sync"].append(topic.topic)
        if topic.leaderless:
            wrong["partitions that nobody leads"].append(topic.topic)
    return lines + [f"{_some(names)}: {what}" for what, names in wrong.items()]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
