"""The topics that the notifier reads: the topic is its queue, and what is committed was told.

It joins no group, for a group shares partitions out, and takes the session's time to give those of a killed notifier to
its successor. It assigns itself all of them and commits under the group's name; the state file's lock keeps it alone.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from infra import clients
from infra.config import Config
from infra.errors import Unreachable
from producers.publisher import Publisher
from schemas.broker import partitions_of, topic_ids
from schemas.codec import Codec, CodecError
from schemas.dead_letters import dead_letter
from schemas.groups import notifier_group
from schemas.records import DeadLetter, Keyed
from schemas.registry import make_codec
from schemas.topics import ALERTS, DEAD_LETTERS, DIGESTS, FILLS, GAPS, ORDERS
from streams.notify.notices import Place

log = logging.getLogger(__name__)

QUEUES = (ALERTS, FILLS, ORDERS, GAPS)
"""The topics of which everything is told once."""
TOPICS = (*QUEUES, DIGESTS)
OURS = {topic.name for topic in (ALERTS, DIGESTS)}
"""The topics that nobody else reads."""
SOURCE = "notify"
BACK_MS = 600_000
"""How far before its very first start the notifier begins to read: what is older is not told one by one anyhow."""
DIGESTS_BACK_MS = 3_600_000
"""How much of the digests is read at each start: only the newest of an instrument matters."""
WAIT_MS = 500
COMMIT_S = 3.0
"""How long a commit, and saying goodbye, may take."""
RECORDS_MAX = 2_000

Read = list[tuple[Place, Keyed | None]]
"""Records with their places; `None` for bytes that are no record."""


class Feed:
    """The records of the topics, from where the last notifier had got to."""

    def __init__(self, config: Config, now_ms: int) -> None:
        self._config = config
        self._now_ms = now_ms
        self._names = {topic.full_name(config): topic.name for topic in TOPICS}
        self._full = {short: name for name, short in self._names.items()}
        self._codecs: dict[str, Codec[Any]] = {}
        self._consumer = AIOKafkaConsumer(
            **clients.aiokafka(config),
            client_id="hedgehog-notify",
            group_id=notifier_group(config),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    def topic_ids(self) -> dict[str, str]:
        """Return the id of each topic."""
        return {self._names[name]: topic_id for name, topic_id in topic_ids(self._config, list(self._names)).items()}

    async def start(self) -> None:
        """Connect and go to where reading begins; raise `StackError` where broker, topics or registry are missing."""
        await asyncio.to_thread(self._make_codecs)
        partitions = await asyncio.to_thread(partitions_of, self._config, list(self._names))
        try:
            await self._consumer.start()
        except KafkaConnectionError:
            raise Unreachable(f"no Kafka broker answers at {self._config.bootstrap}") from None
        assigned = [TopicPartition(*partition) for partition in partitions]
        self._consumer.assign(assigned)
        await self._seek(assigned)

    async def next(self) -> Read:
        """Return what has arrived, or arrives within half a second, in order per partition.

        What is no record becomes a dead letter, unless it is in a topic whose other readers make one of it. Raises
        `DeliveryError` where the broker does not take it.
        """
        batches = await self._consumer.getmany(timeout_ms=WAIT_MS, max_records=RECORDS_MAX)
        found: Read = []
        for partition, messages in batches.items():
            name = self._names[partition.topic]
            for message in messages:
                try:
                    record = self._codecs[message.topic].decode(message.value)
                except CodecError as error:
                    record = None
                    log.warning("topic %s, partition %s, offset %s: %s", *_place(message), error)
                    if name in OURS:
                        await asyncio.to_thread(self._bury, message, str(error))
                found.append((Place(name, partition.partition, message.offset), record))
        return found

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit where a successor goes on, if anything was read; an outage is logged."""
        if not offsets:
            return
        places = {TopicPartition(self._full[topic], number): offset for (topic, number), offset in offsets.items()}
        try:
            # the client would try for ever
            await asyncio.wait_for(self._consumer.commit(places), COMMIT_S)
        except (KafkaError, TimeoutError) as error:
            log.warning("offsets were not committed, the next commit will say the same: %r", error)

    async def stop(self) -> None:
        """Let go of the broker, or of what is left of it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._consumer.stop(), COMMIT_S)

    async def _seek(self, assigned: list[TopicPartition]) -> None:
        queues = {topic.full_name(self._config) for topic in QUEUES}
        begin = {each: self._now_ms - (BACK_MS if each.topic in queues else DIGESTS_BACK_MS) for each in assigned}
        by_time = await self._consumer.offsets_for_times(begin)
        ends = await self._consumer.end_offsets(assigned)
        for each in assigned:
            committed = await self._consumer.committed(each) if each.topic in queues else None
            if committed is not None:
                self._consumer.seek(each, committed)
            else:
                found = by_time.get(each)
                self._consumer.seek(each, ends[each] if found is None else found.offset)

    def _make_codecs(self) -> None:
        for topic in TOPICS:
            assert topic.record is not None
            self._codecs[topic.full_name(self._config)] = make_codec(self._config, topic.record)

    def _bury(self, message: Any, error: str) -> None:
        letter = dead_letter(SOURCE, *_place(message), message.key, message.value, error, time.time_ns() // 1_000)
        value = make_codec(self._config, DeadLetter).encode(letter)
        with Publisher(self._config) as publisher:
            publisher.publish(DEAD_LETTERS, DEAD_LETTERS.key(letter), value)


def _place(message: Any) -> tuple[str, int, int]:
    return message.topic, message.partition, message.offset
