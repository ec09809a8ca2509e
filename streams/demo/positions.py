"""How far every reader of the topics is behind, and who reads."""

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaException

from infra.config import Config
from schemas.topics import FILLS, ORDERS, SETTINGS, SINKS, TRADES, Topic
from streams.topics.read import TIMEOUT_S, admin, bounds, partitions

WORKER_TOPICS = (TRADES, FILLS, ORDERS, SETTINGS)


class Positions:
    """The committed positions of the workers and the sinks."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._admin = admin(config)
        self.workers = f"{config.topic_prefix}hedgehog"
        """The consumer group of the workers; all others are sinks."""
        self._readers: dict[str, tuple[Topic, ...]] = {self.workers: WORKER_TOPICS}
        for topic in SINKS:
            self._readers[f"connect-{config.topic_prefix}{topic.name}-sink"] = (topic,)
        names = sorted({topic.full_name(config) for topic in (*WORKER_TOPICS, *SINKS)})
        self._places = [place for found in partitions(self._admin, names).values() for place in found]

    def behind(self) -> dict[str, int]:
        """Records that each consumer group has still to handle.

        The positions are read before the ends of the topics. So when every group is at the ends, all that was
        there had been handled, and what that made was already counted: nothing moves any more until somebody
        sends something from outside.
        """
        futures = {
            group: self._admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group)], request_timeout=TIMEOUT_S
            )[group]
            for group in self._readers
        }
        committed = {
            group: {(p.topic, p.partition): p.offset for p in future.result(TIMEOUT_S).topic_partitions or []}
            for group, future in futures.items()
        }
        edges = bounds(self._admin, self._places)
        return {
            group: sum(
                max(0, end - max(first, committed[group].get((topic, number), first)))
                for (topic, number), (first, end) in edges.items()
                if topic in {wanted.full_name(self._config) for wanted in topics}
            )
            for group, topics in self._readers.items()
        }

    def workers_joined(self) -> int:
        """How many workers share the partitions; 0 while these are being shared out anew."""
        described = self._admin.describe_consumer_groups([self.workers], request_timeout=TIMEOUT_S)
        try:
            group = described[self.workers].result(TIMEOUT_S)
        except KafkaException:  # nobody has joined yet
            return 0
        return len(group.members) if group.state is ConsumerGroupState.STABLE else 0

    def records(self, topic: Topic) -> int:
        """Number of records of a topic."""
        name = topic.full_name(self._config)
        places = [place for place in self._places if place.topic == name]
        return sum(end - first for first, end in bounds(self._admin, places).values())
