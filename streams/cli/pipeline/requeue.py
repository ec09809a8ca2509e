"""`hedgehog dlq requeue`: the record of a dead letter goes back to where it came from."""

from typing import Any, NamedTuple

from infra.config import Config
from producers.publisher import Publisher
from schemas.codec import CodecError
from schemas.records import Keyed
from schemas.registry import make_codec
from schemas.topics import TOPICS, Topic
from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue
from streams.cli.output import Output
from streams.cli.pipeline.dead_letters import buried, message_of
from streams.cli.pipeline.options import RequeueLetter

WRITE_TIMEOUT_S = 30.0


class Returnable(NamedTuple):
    """The record of a letter, and where it goes back to."""

    topic: Topic
    name: str
    """The topic's full name."""
    record: Keyed
    value: bytes


def requeue(asked: RequeueLetter, out: Output) -> None:
    """Write the record of a letter to its topic, under its key; `BadValue` where it would be refused again."""
    out.record(requeued(with_settings(), asked.letter_id))
    out.note("next: hedgehog dlq list, which shows whether it was refused again")


def requeued(config: Config, letter_id: str) -> dict[str, Any]:
    """Write the record of a letter to its topic; return what was written where. Raises what `returnable` raises."""
    found = returnable(config, letter_id)
    instrument = found.record.instrument
    publisher = Publisher(config, delivery_timeout_s=WRITE_TIMEOUT_S)
    publisher.publish(found.topic, instrument, found.value)
    publisher.flush(WRITE_TIMEOUT_S)
    return {"id": letter_id, "topic": found.name, "key": instrument, "record": str(found.record)}


def returnable(config: Config, letter_id: str) -> Returnable:
    """Return what would go back; `BadValue` says why nothing would, or that there is no such letter."""
    name, key, value = buried(config, message_of(config, letter_id))
    topic, record = _readable(config, name, value)
    if key != record.instrument.encode():
        raise BadValue(f"ID: key: {key!r} is not {record.instrument}, the instrument of the record")
    assert value is not None, "it was read"
    return Returnable(topic, name, record, value)


def _readable(config: Config, name: str, value: bytes | None) -> tuple[Topic, Keyed]:
    """Return the topic of this full name and the record in `value`; `BadValue` where today's codec reads none."""
    topic = next((topic for topic in TOPICS.values() if topic.full_name(config) == name), None)
    if topic is None or topic.record is None or not issubclass(topic.record, Keyed):
        raise BadValue(f"ID: topic: {name!r} takes no records of an instrument, so it was never read from there")
    try:
        record = make_codec(config, topic.record).decode(value)
    except CodecError as error:
        raise BadValue(f"ID: the record cannot be read today either: {error}") from None
    assert isinstance(record, Keyed)
    return topic, record
