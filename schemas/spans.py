"""Spans of partitions: those that there are now, and the records in them."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from aiokafka.partitioner import murmur2
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from infra.config import Config
from infra.errors import Unreachable
from schemas.reader import Partition, Reader, partition_of_message

TIMEOUT_S = 20.0
POLL_S = 0.2
RETRY_S = 0.1
UNSETTLED = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
)

Span = tuple[int, int]
"""The first offset, and the one that is no more part of it."""
Spans = Mapping[Partition, Span]


def partition_of(instrument: str, partitions: int) -> int:
    """Return the partition of an instrument's records, as every producer of ours decides it."""
    return int(murmur2(instrument.encode()) & 0x7FFFFFFF) % partitions


def records(config: Config, wanted: Spans) -> Iterator[Message]:
    """Yield the records of these spans, in order per partition; fewer than offsets where some hold none any more.

    Raises `Unreachable` when nothing comes for `TIMEOUT_S`, and `KafkaException` for offsets that are not there.
    """
    ends = {partition: end for partition, (first, end) in wanted.items() if first < end}
    if not ends:
        return
    with Reader(config, {partition: wanted[partition][0] for partition in ends}) as reader:
        heard = time.monotonic()
        while ends:
            arrived = reader.next(POLL_S)
            for message in arrived:
                partition, offset = partition_of_message(message), message.offset() or 0
                if offset < ends.get(partition, 0):
                    yield message
                if partition in ends and offset >= ends[partition] - 1:
                    del ends[partition]
                    reader.leave(partition)
            for partition in reader.at_end & ends.keys():
                del ends[partition]
            if arrived:  # now: whoever takes the records may take his time over them
                heard = time.monotonic()
            elif time.monotonic() - heard > TIMEOUT_S:
                text = f"the broker at {config.bootstrap} sent no record for {TIMEOUT_S:g} s"
                raise Unreachable(text)


def partitions(client: AdminClient, names: Iterable[str]) -> list[Partition]:
    """Return the partitions of those of `names` that exist, in the order of the names."""
    topics = client.list_topics(timeout=TIMEOUT_S).topics
    return [
        (name, number)
        for name in names
        if name in topics and topics[name].error is None
        for number in sorted(topics[name].partitions)
    ]


def spans(client: AdminClient, wanted: Sequence[Partition]) -> dict[Partition, Span]:
    """Return the first offset and the end of each partition: two requests for all.

    A partition whose topic was deleted meanwhile has none.
    """
    first = offsets_by(client, wanted, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    end = offsets_by(client, wanted, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    return {partition: (first[partition], end[partition]) for partition in first if partition in end}


def offsets_by(client: AdminClient, wanted: Sequence[Partition], spec: OffsetSpec) -> dict[Partition, int]:
    """Return the offset of each partition; asked again as long as the leader of a new one is not known to all."""
    found: dict[Partition, int] = {}
    asked = [TopicPartition(*partition) for partition in wanted]
    deadline = time.monotonic() + TIMEOUT_S
    while asked:
        unsettled = []
        for at, future in client.list_offsets(dict.fromkeys(asked, spec), request_timeout=TIMEOUT_S).items():
            try:
                found[at.topic, at.partition] = future.result().offset
            except KafkaException as error:
                code = error.args[0].code()
                if code in UNSETTLED and time.monotonic() < deadline:
                    unsettled.append(at)
                elif code != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
        asked = unsettled
        if asked:
            time.sleep(RETRY_S)
    return found
