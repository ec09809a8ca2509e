"""Reads topics as they are now, from a place in each partition up to its end."""

import time
from collections.abc import Iterator, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from infra.config import Config
from infra.errors import StackError

TIMEOUT_S = 20.0
POLL_S = 0.2
BATCH = 2_000
QUEUED_KB = 8 << 10
RETRY_S = 0.1
UNSETTLED = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


def client_settings(config: Config) -> dict[str, str | int | float | bool]:
    """What every client has in common; librdkafka's own messages are not for the user."""
    return {"bootstrap.servers": config.bootstrap, "client.id": "hedgehog-scan", "log_level": 0}


def admin(config: Config) -> AdminClient:
    return AdminClient(client_settings(config))


def partitions(client: AdminClient, names: Sequence[str]) -> dict[str, list[TopicPartition]]:
    """The partitions of those of `names` that exist, by topic."""
    topics = client.list_topics(timeout=TIMEOUT_S).topics
    return {
        name: [TopicPartition(name, number) for number in sorted(topics[name].partitions)]
        for name in names
        if name in topics and topics[name].error is None
    }


Bounds = dict[tuple[str, int], tuple[int, int]]


def bounds(client: AdminClient, wanted: Sequence[TopicPartition]) -> Bounds:
    """First offset and end of each partition, by topic and partition: two requests for all.

    A partition whose topic was deleted meanwhile has none.
    """
    first = _offsets(client, wanted, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    end = _offsets(client, wanted, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    return {place: (first[place], end[place]) for place in first if place in end}


def _offsets(client: AdminClient, wanted: Sequence[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    """The offset of each partition; asked again as long as the leader of a new one is not known to all."""
    found: dict[tuple[str, int], int] = {}
    deadline = time.monotonic() + TIMEOUT_S
    while wanted:
        unsettled = []
        for place, future in client.list_offsets(dict.fromkeys(wanted, spec), request_timeout=TIMEOUT_S).items():
            try:
                found[place.topic, place.partition] = future.result().offset
            except KafkaException as error:
                code = error.args[0].code()
                if code in UNSETTLED and time.monotonic() < deadline:
                    unsettled.append(place)
                elif code != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
        wanted = unsettled
        if wanted:
            time.sleep(RETRY_S)
    return found


def messages(config: Config, names: Sequence[str], last: int | None = None) -> Iterator[Message]:
    """Every record of the topics there is now, or the `last` ones of each partition, in order per partition.

    Topics that do not exist have none. Raises `StackError` when nothing comes for `TIMEOUT_S`.
    """
    client = admin(config)
    wanted = [p for found in partitions(client, names).values() for p in found]
    if not wanted:
        return
    places = []
    for (topic, number), (first, end) in bounds(client, wanted).items():
        start = first if last is None else max(first, end - last)
        if start < end:
            places.append(TopicPartition(topic, number, start))
    yield from to_the_end(config, places)


def one(config: Config, topic: str, partition: int, offset: int) -> Message | None:
    """The record at one place; `None` where there is none."""
    client = admin(config)
    place = TopicPartition(topic, partition, offset)
    known = next((p for p in partitions(client, [topic]).get(topic, []) if p.partition == partition), None)
    if known is None:
        return None
    first, end = bounds(client, [known]).get((topic, partition), (0, 0))
    if not first <= offset < end:
        return None
    found = next(to_the_end(config, [place]), None)
    return found if found is not None and found.offset() == offset else None


def to_the_end(config: Config, places: list[TopicPartition]) -> Iterator[Message]:
    """Every record from these places up to the ends of their partitions, in order per partition.

    Raises `StackError` when nothing comes for `TIMEOUT_S`.
    """
    if not places:
        return
    consumer = Consumer(
        {
            **client_settings(config),
            "group.id": f"{config.topic_prefix}hedgehog-scan",
            "enable.auto.commit": False,
            # compaction may have taken the last offset below the end away: the broker says where the end is
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
            # bounds what waits here where the records are taken slowly, as in a replay at the recorded pace
            "queued.max.messages.kbytes": QUEUED_KB,
        }
    )
    consumer.assign(places)
    waiting = {(place.topic, place.partition) for place in places}
    deadline = time.monotonic() + TIMEOUT_S
    try:
        while waiting:
            found = _arrived(consumer)
            if not found and time.monotonic() > deadline:
                raise StackError(f"the broker at {config.bootstrap} sent no record for {TIMEOUT_S:g} s")
            for message in found:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard((message.topic() or "", message.partition() or 0))
                elif error.fatal():
                    raise KafkaException(error)
            if found:  # whoever takes the records may take his time over them
                deadline = time.monotonic() + TIMEOUT_S
    finally:
        consumer.close()


def _arrived(consumer: Consumer) -> list[Message]:
    """What has arrived, or arrives within `POLL_S`: `consume` alone would wait that long for a full batch."""
    first = consumer.poll(POLL_S)
    return [] if first is None else [first, *consumer.consume(BATCH, 0)]
