"""What consumer groups have committed, and in which topics: the broker keeps it by the topics' names."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from infra import clients
from infra.config import Config
from infra.errors import Unreachable
from schemas.broker import TIMEOUT_S
from schemas.reader import Partition

Committed = Mapping[Partition, int]
"""The offset from which a group goes on, of each partition of which it has committed one."""


def committed(client: AdminClient, groups: Iterable[str]) -> dict[str, Committed]:
    """Return what each group has committed; asked one group a request, all at once."""
    futures = {
        group: client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=TIMEOUT_S)
        for group in groups
    }
    answers = {group: future[group].result(TIMEOUT_S).topic_partitions or [] for group, future in futures.items()}
    return {group: {(p.topic, p.partition): p.offset for p in answer} for group, answer in answers.items()}


def committed_in(config: Config, groups: Iterable[str], topic_ids: Mapping[str, str]) -> dict[str, Committed]:
    """Return what each group has committed, -1 where that was in a topic that was made anew since.

    `topic_ids` are those of today, by name. An offset that was committed without one, or in a topic of which none is
    known, counts. Raises `Unreachable` when the broker does not answer.
    """
    try:
        found = asyncio.run(_noted(config, list(groups)))
    except KafkaError as error:
        raise Unreachable(f"no Kafka broker answers at {config.bootstrap}: {error}") from None
    return {
        group: {
            (at.topic, at.partition): -1
            if noted.metadata not in ("", topic_ids.get(at.topic, noted.metadata))
            else noted.offset
            for at, noted in places.items()
        }
        for group, places in found.items()
    }


async def _noted(config: Config, groups: list[str]) -> dict[str, dict[Any, Any]]:
    """Return what was committed and noted beside it, by the group.

    By aiokafka: confluent-kafka 2.16 reads a note past its end, into whatever is there.
    """
    client = AIOKafkaAdminClient(**clients.aiokafka(config), request_timeout_ms=int(TIMEOUT_S * 1_000))
    try:
        await client.start()
        return {group: await client.list_consumer_group_offsets(group) for group in groups}
    finally:
        await client.close()


def go_on_from(client: AdminClient, group: str, offsets: Committed, topic_ids: Mapping[str, str]) -> None:
    """Commit these offsets, with the ids of their topics, for a group that nobody has joined."""
    places = [
        TopicPartition(topic, number, offset, topic_ids.get(topic, "")) for (topic, number), offset in offsets.items()
    ]
    wanted = [ConsumerGroupTopicPartitions(group, places)]
    client.alter_consumer_group_offsets(wanted, request_timeout=TIMEOUT_S)[group].result(TIMEOUT_S)
