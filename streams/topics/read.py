"""Reads topics: the records at some offsets, of a time, or all that there are now, in the order of each partition."""

from collections.abc import Iterable, Iterator, Sequence

from confluent_kafka import Message
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from infra.config import Config
from schemas.broker import TopicsMissing, admin
from schemas.reader import Partition
from schemas.spans import Span, offsets_by, partition_of, partitions, records, spans
from schemas.times import Between
from schemas.topics import Topic

PAST = 2**63 - 1


def partitions_of(config: Config, topic: Topic, instruments: Iterable[str]) -> dict[str, int]:
    """Return the partition of `topic` in which each of these instruments is; raise `TopicsMissing`."""
    count = len(existing(config, topic))
    return {instrument: partition_of(instrument, count) for instrument in instruments}


def existing(config: Config, topic: Topic) -> list[Partition]:
    """Return all partitions of a topic; raise `TopicsMissing` where it has none."""
    name = topic.full_name(config)
    found = partitions(admin(config), [name])
    if not found:
        raise TopicsMissing(config, [name])
    return found


def spans_between(config: Config, wanted: Sequence[Partition], between: Between) -> dict[Partition, Span]:
    """Return the span of each partition whose records were written at a time in `between`."""
    client = admin(config)
    found = spans(client, wanted)
    since, until = (_written_from(client, wanted, moment) for moment in between)
    for partition, (first, end) in found.items():
        stop = min(until.get(partition, end), end)
        found[partition] = (min(max(since.get(partition, first), first), stop), stop)
    return found


def _written_from(client: AdminClient, wanted: Sequence[Partition], moment: int | None) -> dict[Partition, int]:
    """Return the first offset of each partition written at or after `moment` (µs); where there is none, `PAST` all."""
    if moment is None:
        return {}
    # Kafka's times are milliseconds: the first that is not before a microsecond is rounded up.
    spec = OffsetSpec.for_timestamp(-(-moment // 1_000))  # type: ignore[no-untyped-call]
    found = offsets_by(client, wanted, spec)
    return {partition: offset if offset >= 0 else PAST for partition, offset in found.items()}


def count(config: Config, topics: Iterable[Topic]) -> int:
    """Return how many records these topics keep; those that do not exist have none."""
    client = admin(config)
    found = spans(client, partitions(client, [topic.full_name(config) for topic in topics]))
    return sum(end - first for first, end in found.values())


def messages(config: Config, topics: Iterable[Topic], last: int | None = None) -> Iterator[Message]:
    """Yield every record of the topics that there is now, or the `last` ones of each partition, in order per partition.

    Topics that do not exist have none. Raises `Unreachable` when the broker stops sending.
    """
    client = admin(config)
    found = spans(client, partitions(client, [topic.full_name(config) for topic in topics]))
    if last is not None:
        found = {partition: (max(first, end - last), end) for partition, (first, end) in found.items()}
    yield from records(config, found)


def one(config: Config, partition: Partition, offset: int) -> Message | None:
    """Return the record at one place; `None` where there is none."""
    client = admin(config)
    known = [found for found in partitions(client, [partition[0]]) if found == partition]
    first, end = spans(client, known).get(partition, (0, 0))
    if not first <= offset < end:
        return None
    return next(records(config, {partition: (offset, offset + 1)}), None)
