"""What consumer groups have committed, and in which topics: the broker keeps it by the topics' names."""

from collections.abc import Iterable, Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.config import Config
from schemas.broker import TIMEOUT_S
from schemas.coordinators import noted
from schemas.reader import Partition

Committed = Mapping[Partition, int]
"""The offset from which a group goes on, of each partition of which it has committed one."""


def committed(
    config: Config, groups: Iterable[str], topic_ids: Mapping[str, str] | None = None
) -> dict[str, Committed]:
    """Return what each group has committed; with `topic_ids`, -1 where that was in a topic that was made anew since.

    `topic_ids` are those of today, by name. An offset that was committed without one, or in a topic of which none is
    known, counts. Raises `Unreachable` when the broker does not answer.
    """
    ids = topic_ids or {}
    return {
        group: {
            (topic, number): -1 if at.note not in ("", ids.get(topic, at.note)) else at.offset
            for (topic, number), at in places.items()
        }
        for group, places in noted(config, groups).items()
    }


def go_on_from(client: AdminClient, group: str, offsets: Committed, topic_ids: Mapping[str, str]) -> None:
    """Commit these offsets, with the ids of their topics, for a group that nobody has joined."""
    places = [
        TopicPartition(topic, number, offset, topic_ids.get(topic, "")) for (topic, number), offset in offsets.items()
    ]
    wanted = [ConsumerGroupTopicPartitions(group, places)]
    client.alter_consumer_group_offsets(wanted, request_timeout=TIMEOUT_S)[group].result(TIMEOUT_S)
