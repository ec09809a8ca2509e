"""Reads spans of partitions: the records at some offsets, or of a partition's end."""

import time
from collections.abc import Iterator, Mapping

from aiokafka.partitioner import murmur2
from confluent_kafka import Message

from infra.config import Config
from infra.errors import Unreachable
from schemas.reader import Partition, Reader, partition_of_message

TIMEOUT_S = 20.0
POLL_S = 0.2

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
