"""What an agent sends: records as messages, in order, acknowledged by the broker."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from infra.config import Config
from schemas.codec import Codec
from schemas.records import Decided, Record
from schemas.topics import TOPICS


class Message(NamedTuple):
    """One message to be sent. Without a partition it goes to the one that its key belongs to."""

    topic: str
    key: bytes
    partition: int | None
    value: bytes


class Producer:
    """Makes messages of records and sends them through the application's producer."""

    def __init__(self, app: Any, config: Config, codecs: Mapping[type[Record], Codec[Any]]) -> None:
        self._app = app
        self._codecs = codecs
        self._topics = {topic.record: (topic.full_name(config), topic.key) for topic in TOPICS.values() if topic.record}

    def decision(self, record: Record, home: bytes, partition: int, epoch: int) -> Message:
        """Return the message of what an instrument's state has made, in the epoch in which it was decided."""
        if isinstance(record, Decided):
            record = msgspec.structs.replace(record, epoch=epoch)
        return self.message(record, home, partition)

    def message(self, record: Record, home: bytes = b"", partition: int | None = None) -> Message:
        """Return the message of a record, keyed as its topic wants it.

        One under the key `home` goes to `partition`, where that key's state and all its topics are. Raises `ValueError`
        that names the field and the value which cannot be written.
        """
        topic, key_of = self._topics[type(record)]
        key = key_of(record).encode()
        return Message(topic, key, partition if key == home else None, self._codecs[type(record)].encode(record))

    async def send(self, messages: Iterable[Message]) -> list[int]:
        """Send these in order; returns their offsets when the broker has acknowledged all of them."""
        producer = self._app.producer
        sent = [
            await producer.send(topic, key, value, partition, None, None) for topic, key, partition, value in messages
        ]
        return [(await acknowledged).offset for acknowledged in sent]
