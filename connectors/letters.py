"""Letters of the sinks that are no fault of their records, and what is done about them.

A sink asks the registry for a schema with the first record after its start. Where the registry does not answer then,
Kafka Connect makes a dead letter of every record until it does. Once it answers, the sink reads these records again,
and all after them: a row that comes again changes nothing. Their letters are deleted, and with them, since a topic is
deleted from its beginning, those about records that cannot be read at all: these come again with their records, or are
written again where their records do not.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from confluent_kafka import KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.moving import move
from connectors.pauses import Pauses
from connectors.warehouse import alone
from infra import probes
from infra.config import Config
from infra.errors import Unreachable
from schemas.broker import admin
from schemas.codec import HEADER_BYTES
from schemas.dead_letters import CONNECT
from schemas.groups import sink_group, sink_name
from schemas.offsets import Committed, committed
from schemas.reader import Partition
from schemas.registry import knows
from schemas.spans import Spans, partitions, records, spans
from schemas.topics import SINKS, Topic, sink_dead_letters
from schemas.writer import ToWrite, write

NO_SCHEMA = "io.apicurio.registry.rest.client.exception."
"""What the converter's client of the registry raises: no answer, no useful one, or that there is no such schema."""
TIMEOUT_S = 15.0


class Letter(NamedTuple):
    """What a letter of a sink says of its record: where it is, and the schema that was not had where that was why."""

    partition: Partition
    offset: int
    schema_id: int | None


class Letters:
    """The letters of all sinks, of which those that are new are looked at."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._topics = {sink_dead_letters(topic).full_name(config): topic for topic in SINKS}
        self._seen: dict[str, Spans] = {}
        self._pauses = Pauses()

    def look(self, now: float) -> list[str]:
        """Have the sinks read again what they can now; return a line of each that does.

        `now` is in seconds of a monotonic clock: a sink that buries the same again and again is moved seldom. Raises
        `StackError` where a server does not answer; the next look sees the same letters.
        """
        try:
            probes.broker(self._config)  # which waits 2 s, and all else 20
            return list(self._look(now))
        except (ConnectionError, KafkaException) as error:
            raise Unreachable(f"no Kafka broker answers at {self._config.bootstrap}: {error}") from None

    def _look(self, now: float) -> Iterator[str]:
        client = admin(self._config)
        found = spans(client, partitions(client, self._topics))
        for name, topic in self._topics.items():
            letters = {at: span for at, span in found.items() if at[0] == name}
            if letters == self._seen.get(name) or not self._pauses.over(name, now):
                continue
            unread = first_unread(map(letter_of, records(self._config, letters)), knows(self._config))
            if not unread:
                self._seen[name] = letters
                self._pauses.forget(name)
                continue
            with alone(self._config) as free:
                if free:  # else another worker does it
                    self._pauses.begin(name, now)
                    _read_again(self._config, client, topic, unread)
                    yield from self._rid(client, topic, letters, unread)

    def _rid(self, client: AdminClient, topic: Topic, letters: Spans, unread: Committed) -> Iterator[str]:
        """Delete letters, but for those that will not come again; say so."""
        name = sink_dead_letters(topic).full_name(self._config)
        write(self._config, name, staying(records(self._config, letters), unread))
        ends = [TopicPartition(*at, end) for at, (first, end) in letters.items() if first < end]
        for future in client.delete_records(ends, request_timeout=TIMEOUT_S).values():
            future.result(TIMEOUT_S)
        places = ", ".join(f"offset {offset} of partition {number}" for (_, number), offset in sorted(unread.items()))
        yield (
            f"{sink_name(self._config, topic)} buried records while the schema registry did not give their schemas; "
            f"it reads {topic.full_name(self._config)} again from {places}"
        )


def _read_again(config: Config, client: AdminClient, topic: Topic, unread: Committed) -> None:
    group = sink_group(config, topic)
    done = committed(client, [group])[group]
    # also where nothing is committed: a sink commits no letter that is the last it has read, and has read it
    move(config, {topic: {at: min(offset, done.get(at, offset)) for at, offset in unread.items()}})


def first_unread(letters: Iterable[Letter], known: Callable[[int], bool]) -> dict[Partition, int]:
    """Return the first offset of each partition whose record was buried for a schema that is `known` today."""
    first: dict[Partition, int] = {}
    for letter in letters:
        if letter.schema_id is not None and known(letter.schema_id):
            first[letter.partition] = min(first.get(letter.partition, letter.offset), letter.offset)
    return first


def staying(messages: Iterable[Message], unread: Mapping[Partition, int]) -> Iterator[ToWrite]:
    """Yield the letters about records before those that are read again, one for each record."""
    written = set()
    for message in messages:
        letter = letter_of(message)
        place = letter.partition, letter.offset
        if place in written or letter.offset >= unread.get(letter.partition, letter.offset + 1):
            continue
        written.add(place)
        (number, at), headers = (message.partition() or 0, message.timestamp()[1]), _headers(message).items()
        yield ToWrite(message.value(), message.key(), number, list(headers), at)


def letter_of(message: Message) -> Letter:
    """Return what the headers of Kafka Connect say, where they are such."""
    headers = _headers(message)

    def text(name: str) -> str:
        value = headers.get(CONNECT + name)
        return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")

    value, schema_id = message.value(), None
    if isinstance(value, bytes) and text("exception.class.name").startswith(NO_SCHEMA):
        schema_id = int.from_bytes(value[1:HEADER_BYTES], "big")
    return Letter((text("topic"), int(text("partition") or -1)), int(text("offset") or -1), schema_id)


def _headers(message: Message) -> dict[str, str | bytes | None]:
    return dict(message.headers() or [])
