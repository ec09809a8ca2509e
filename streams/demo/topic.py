"""The records of a topic, all of them."""

from collections.abc import Iterator
from typing import TypeVar

from infra.config import Config
from schemas.records import Record
from schemas.registry import make_codec
from schemas.topics import Topic
from streams.topics.read import messages

R = TypeVar("R", bound=Record)


def records(config: Config, topic: Topic, kind: type[R]) -> Iterator[R]:
    """Yield every record of a topic up to its present end, partition by partition."""
    codec = make_codec(config, kind)
    for message in messages(config, [topic]):
        value = message.value()
        if isinstance(value, bytes):
            yield codec.decode(value)
