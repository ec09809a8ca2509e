"""Letters of the sinks that are no fault of their records, and what is done about them.

A sink asks the registry for a schema with the first record after its start. Where the registry does not answer then,
Kafka Connect makes a dead letter of every record until it does. Once it answers, the sink reads these records again,
and all after them: a row that comes again changes nothing. Their letters are deleted, and with them, since a topic is
deleted from its beginning, those about records that cannot be read at all: these come again with their records, or are
written again where their records do not.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.moving import move
from connectors.pauses import Pauses
from connectors.warehouse import alone
from infra import probes
from infra.config import Config
from infra.errors import Unreachable
from schemas.broker import admin, partitions_of
from schemas.codec import HEADER_BYTES
from schemas.dead_letters import CONNECT
from schemas.groups import sink_group, sink_name
from schemas.offsets import Committed, committed
from schemas.reader import Partition, Reader
from schemas.registry import knows
from schemas.spans import Spans, partitions, records, spans
from schemas.topics import SINKS, Topic, sink_dead_letters
from schemas.writer import ToWrite, write

NO_SCHEMA = "io.apicurio.registry.rest.client.exception."
"""What the converter's client of the registry raises: no answer, no useful one, or that there is no such schema."""
FETCH_WAIT_MS = 500
TIMEOUT_S = 15.0


class Letter(NamedTuple):
    """What a letter of a sink says of its record: where it is, and the schema that was not had where that was why."""

    partition: Partition
    offset: int
    """-1 where the letter does not say."""
    schema_id: int | None


class Letters:
    """The letters of all sinks, heard as they come. Use it in a `with` block."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        self._config, self._clock = config, clock
        self._topics = {sink_dead_letters(topic).full_name(config): topic for topic in SINKS}
        self._reader: Reader | None = None
        self._suspect: set[str] = set()
        """The topics with letters about a schema that was not had, as far as nobody has looked at these."""
        self._pauses = Pauses()

    def __enter__(self) -> "Letters":
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def look(self) -> list[str]:
        """Have the sinks read again what they can now; return a line of each that does.

        A sink that buries the same again and again is moved seldom. Raises `StackError` where a server does not answer;
        the next look sees the same letters.
        """
        try:
            self._hear()
            due = [name for name in sorted(self._suspect) if self._pauses.over(name, self._clock())]
            return [line for name in due for line in self._look_at(name)]
        except (OSError, KafkaException) as error:  # a request that was not answered in time is an `OSError`
            self._hang_up()
            reason = str(error) or type(error).__name__
            raise Unreachable(f"the broker at {self._config.bootstrap} does not answer: {reason}") from None

    def _hear(self) -> None:
        """Take in the letters that came since; all of them at the first time."""
        if self._reader is None:
            probes.broker(self._config)  # which waits 2 s, and all else 20
            wanted = partitions_of(self._config, self._topics)
            self._reader = Reader(self._config, dict.fromkeys(wanted, OFFSET_BEGINNING), FETCH_WAIT_MS)
            self._suspect.update(_of_no_schema(self._reader.present(set(wanted), TIMEOUT_S)))
        while heard := self._reader.next(0):
            self._suspect.update(_of_no_schema(heard))

    def _hang_up(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _look_at(self, name: str) -> Iterator[str]:
        """Have one sink read again what it buried for want of a schema that the registry gives now."""
        config, client, topic = self._config, admin(self._config), self._topics[name]
        _assert_registry(config)
        with alone(config) as free:
            if not free:  # another worker does it
                return
            letters = spans(client, partitions(client, [name]))
            there = spans(client, partitions(client, [topic.full_name(config)]))
            unread = first_unread(map(letter_of, records(config, letters)), there, knows(config))
            if not unread:
                self._suspect.discard(name)
                return
            places = _places(config, client, topic, unread)
            move(config, {topic: places})
            _forget(config, client, name, letters, places, there)
            self._pauses.begin(name, self._clock())
        said = ", ".join(f"offset {offset} of partition {number}" for (_, number), offset in sorted(places.items()))
        yield (
            f"{sink_name(config, topic)} buried records while the schema registry did not give their schemas; "
            f"it reads {topic.full_name(config)} again from {said}"
        )


def _assert_registry(config: Config) -> None:
    try:
        probes.registry(config.registry)
    except Exception as error:  # whatever the HTTP client beneath raises, it is about the registry
        raise Unreachable(f"the schema registry at {config.registry_shown} does not answer: {error}") from None


def _places(config: Config, client: AdminClient, topic: Topic, unread: Committed) -> dict[Partition, int]:
    """Return from where on the sink is to read.

    A sink that has not committed begins at the start: it commits no letter that is the last it has read.
    """
    group = sink_group(config, topic)
    done = committed(config, [group])[group]
    return {at: min(offset, done.get(at, 0)) for at, offset in unread.items()}


def _forget(config: Config, client: AdminClient, name: str, letters: Spans, places: Committed, there: Spans) -> None:
    """Delete the letters in these spans, but for those that will not come again."""
    write(config, name, staying(records(config, letters), places, there))
    ends = [TopicPartition(*at, end) for at, (first, end) in letters.items() if first < end]
    for future in client.delete_records(ends, request_timeout=TIMEOUT_S).values():
        future.result(TIMEOUT_S)


def _of_no_schema(messages: Iterable[Message]) -> Iterator[str]:
    """Yield the topics of the letters that are about a schema."""
    return (message.topic() or "" for message in messages if letter_of(message).schema_id is not None)


def first_unread(letters: Iterable[Letter], there: Spans, known: Callable[[int], bool]) -> dict[Partition, int]:
    """Return the first offset of each partition whose record was buried for a schema that is `known` today.

    Only records that are `there` still can be read again.
    """
    first: dict[Partition, int] = {}
    for letter in letters:
        if letter.schema_id is not None and _is_there(letter, there) and known(letter.schema_id):
            first[letter.partition] = min(first.get(letter.partition, letter.offset), letter.offset)
    return first


def staying(messages: Iterable[Message], places: Mapping[Partition, int], there: Spans) -> Iterator[ToWrite]:
    """Yield the letters about records before those that are read again, or that are gone; one for each record."""
    written = set()
    for message in messages:
        letter = letter_of(message)
        place = letter.partition, letter.offset
        comes_again = letter.offset >= places.get(letter.partition, letter.offset + 1) and _is_there(letter, there)
        if comes_again or place in written:
            continue
        if letter.offset >= 0:
            written.add(place)
        (number, at), headers = (message.partition() or 0, message.timestamp()[1]), _headers(message).items()
        yield ToWrite(message.value(), message.key(), number, list(headers), at)


def _is_there(letter: Letter, there: Spans) -> bool:
    first, end = there.get(letter.partition, (0, 0))
    return first <= letter.offset < end


def letter_of(message: Message) -> Letter:
    """Return what the headers of Kafka Connect say, where they are such."""
    headers = _headers(message)

    def text(name: str) -> str:
        value = headers.get(CONNECT + name)
        return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")

    def number(name: str) -> int:
        return int(text(name)) if text(name).isdecimal() else -1

    value, schema_id = message.value(), None
    if isinstance(value, bytes) and text("exception.class.name").startswith(NO_SCHEMA):
        schema_id = int.from_bytes(value[1:HEADER_BYTES], "big")
    return Letter((text("topic"), number("partition")), number("offset"), schema_id)


def _headers(message: Message) -> dict[str, str | bytes | None]:
    return dict(message.headers() or [])
