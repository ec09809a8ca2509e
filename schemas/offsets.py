"""What consumer groups have committed, and in which topics: the broker keeps it by the topics' names."""

from collections.abc import Iterable, Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.broker import TIMEOUT_S
from schemas.reader import Partition

END = ";"
"""confluent-kafka 2.16 now and then reads what was committed beside an offset past its end."""

Committed = Mapping[Partition, int]
"""The offset from which a group goes on, of each partition of which it has committed one."""


def committed(client: AdminClient, groups: Iterable[str]) -> dict[str, Committed]:
    """Return what each group has committed; asked one group a request, all at once."""
    return {
        group: {(p.topic, p.partition): p.offset for p in answer} for group, answer in _answers(client, groups).items()
    }


def committed_in(client: AdminClient, groups: Iterable[str], topic_ids: Mapping[str, str]) -> dict[str, Committed]:
    """Return what each group has committed, -1 where that was in a topic that was made anew since.

    `topic_ids` are those of today, by name. An offset that was committed without one, or in a topic of which none is
    known, counts.
    """
    return {
        group: {(p.topic, p.partition): -1 if _is_of_another(p, topic_ids) else p.offset for p in answer}
        for group, answer in _answers(client, groups).items()
    }


def noted(topic: str, topic_ids: Mapping[str, str]) -> str:
    """Return what is committed beside an offset: the id of its topic, with its end marked."""
    return f"{topic_ids[topic]}{END}" if topic in topic_ids else ""


def _is_of_another(place: TopicPartition, topic_ids: Mapping[str, str]) -> bool:
    committed_id = (place.metadata or "").partition(END)[0]
    return bool(committed_id) and place.topic in topic_ids and committed_id != topic_ids[place.topic]


def _answers(client: AdminClient, groups: Iterable[str]) -> dict[str, list[TopicPartition]]:
    futures = {
        group: client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=TIMEOUT_S)
        for group in groups
    }
    return {group: future[group].result(TIMEOUT_S).topic_partitions or [] for group, future in futures.items()}


def go_on_from(client: AdminClient, group: str, offsets: Committed, topic_ids: Mapping[str, str]) -> None:
    """Commit these offsets, with the ids of their topics, for a group that nobody has joined."""
    places = [
        TopicPartition(topic, number, offset, noted(topic, topic_ids)) for (topic, number), offset in offsets.items()
    ]
    wanted = [ConsumerGroupTopicPartitions(group, places)]
    client.alter_consumer_group_offsets(wanted, request_timeout=TIMEOUT_S)[group].result(TIMEOUT_S)
