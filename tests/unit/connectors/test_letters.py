"""Which letters of a sink are about the registry, which stay, and from where the sink reads again."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from connectors import letters
from connectors.letters import Letter, Letters, first_unread, letter_of, staying
from connectors.pauses import Pauses
from infra.config import Config
from infra.errors import Unreachable
from schemas.registry import RegistryUnavailable

NO_ANSWER = "io.apicurio.registry.rest.client.exception.RestClientException"
NO_SUCH = "io.apicurio.registry.rest.client.exception.ContentNotFoundException"
NO_RECORD = "java.io.UncheckedIOException"
ALL = {("trades", number): (0, 100) for number in range(4)}
RECORD = b"\x00\x00\x00\x00\x07record"


@dataclass
class Stored:
    """A letter as the broker gives it."""

    offset: int
    cause: str
    data: bytes | None = RECORD
    number: int = 0
    of: str = "dlq-trades"

    def topic(self) -> str:
        return self.of

    def headers(self) -> list[tuple[str, bytes | None]]:
        said = {"topic": "trades", "partition": str(self.number), "offset": str(self.offset)}
        said |= {"exception.class.name": self.cause}
        return [(f"__connect.errors.{name}", value.encode()) for name, value in said.items()] + [
            ("__connect.errors.exception.message", None)
        ]

    def value(self) -> bytes | None:
        return self.data

    def key(self) -> bytes:
        return b"binance:XRPUSDT"

    def partition(self) -> int:
        return 1

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_700_000_000_000


class NoHeaders(Stored):
    def headers(self) -> Any:
        return None


def read(stored: Stored) -> Letter:
    return letter_of(cast(Message, stored))


@pytest.mark.parametrize(
    ("stored", "schema_id"),
    [
        (Stored(3, NO_ANSWER), 7),
        (Stored(3, NO_SUCH), 7),
        (Stored(3, NO_RECORD), None),
        (Stored(3, NO_ANSWER, None), None),
    ],
)
def test_a_letter_names_the_schema_that_was_not_had(stored: Stored, schema_id: int | None) -> None:
    assert read(stored) == Letter(("trades", 0), 3, schema_id)


def test_a_letter_without_headers_is_about_no_place() -> None:
    assert read(NoHeaders(3, NO_ANSWER)) == Letter(("", -1), -1, None)


def test_reading_begins_at_the_first_record_whose_schema_is_known() -> None:
    found = [
        Letter(("trades", 0), 5, None),
        Letter(("trades", 0), 6, 8),
        Letter(("trades", 0), 7, 7),
        Letter(("trades", 0), 9, 7),
        Letter(("trades", 1), 2, 7),
        Letter(("trades", 2), 4, 8),
    ]
    assert first_unread(found, ALL, lambda schema_id: schema_id == 7) == {("trades", 0): 7, ("trades", 1): 2}
    kept = {**ALL, ("trades", 0): (8, 100), ("trades", 1): (0, 2)}
    assert first_unread(found, kept, lambda schema_id: schema_id == 7) == {("trades", 0): 9}, "records that are there"


def test_letters_that_do_not_come_again_stay_once_each() -> None:
    before, again, beside = Stored(4, NO_RECORD), Stored(8, NO_RECORD), Stored(8, NO_RECORD, number=3)
    gone, without = Stored(700, NO_RECORD), NoHeaders(0, NO_RECORD)
    messages = [before, Stored(7, NO_ANSWER), again, beside, before, gone, without, without]
    stay = list(staying(cast(list[Message], messages), {("trades", 0): 7}, ALL))
    assert [(letter.value, letter.key, letter.partition, letter.time_ms) for letter in stay] == [
        (RECORD, b"binance:XRPUSDT", 1, 1_700_000_000_000)
    ] * 5
    offsets = [dict(letter.headers).get("__connect.errors.offset") for letter in stay]
    assert offsets == [b"4", b"8", b"700", None, None]
    assert dict(stay[1].headers)["__connect.errors.partition"] == b"3"


def test_pauses_double_up_to_a_minute() -> None:
    pauses, tries = Pauses(), []
    for now in range(200):
        if pauses.over("trades", now):
            tries.append((now, pauses.begin("trades", now)))
    assert tries == [(0, 2), (2, 4), (6, 8), (14, 16), (30, 32), (62, 60), (122, 60), (182, 60)]
    assert pauses.over("orders", 190)
    pauses.forget("trades")
    assert pauses.begin("trades", 300) == 2
    assert [pauses.begin("trades", now) for now in (303, 310, 400)] == [4, 8, 2], "long after the last pause"


class Heard:
    """Stands for the reader of the letters: one at first, none later."""

    opened = 0

    def __init__(self, *_: object) -> None:
        Heard.opened += 1

    def present(self, partitions: object, within_s: float) -> list[Stored]:
        return [Stored(0, NO_SUCH), Stored(1, NO_RECORD, of="dlq-orders")]

    def next(self, wait_s: float) -> list[Stored]:
        return []

    def close(self) -> None:
        Heard.opened -= 1


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The topics whose letters were looked at."""
    looked = list[str]()

    def records(config: Config, wanted: dict[tuple[str, int], Any]) -> list[Stored]:
        looked.extend(name for name, _ in wanted)
        return [Stored(0, NO_SUCH)]

    monkeypatch.setattr(letters, "Reader", Heard)
    monkeypatch.setattr(letters, "partitions_of", lambda config, names: [(name, 0) for name in names])
    monkeypatch.setattr(letters.probes, "broker", lambda config: None)
    monkeypatch.setattr(letters, "admin", lambda config: None)
    monkeypatch.setattr(letters, "partitions", lambda client, names: [(name, 0) for name in names])
    monkeypatch.setattr(letters, "spans", lambda client, wanted: dict.fromkeys(wanted, (0, 1)))
    monkeypatch.setattr(letters.probes, "registry", lambda url: None)
    monkeypatch.setattr(letters, "alone", lambda config: nullcontext(True))
    monkeypatch.setattr(letters, "records", records)
    return looked


def test_a_registry_that_is_away_is_asked_again(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = list[bool]()

    def known(schema_id: int) -> bool:
        if not answers:
            raise RegistryUnavailable("away")
        return answers.pop()

    monkeypatch.setattr(letters, "knows", lambda config: known)
    with Letters(Config()) as looking:
        for _ in range(2):
            with pytest.raises(Unreachable, match="away"):
                looking.look()
        answers.append(False)
        assert looking.look() == []
        # what was looked at is not read again
        assert looking.look() == []
        assert asked == ["dlq-trades"] * 3
    assert Heard.opened == 0


@pytest.mark.parametrize(
    "error", [ConnectionError("no broker"), TimeoutError(), KafkaException(KafkaError(KafkaError._TRANSPORT))]
)
def test_a_broker_that_is_away_is_heard_anew(
    error: Exception, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "knows", lambda config: lambda schema_id: False)
    with Letters(Config()) as looking:
        with monkeypatch.context() as away:
            away.setattr(letters, "spans", raising(error))
            with pytest.raises(Unreachable, match="does not answer"):
                looking.look()
            assert Heard.opened == 0
        assert looking.look() == []
        assert (Heard.opened, asked) == (1, ["dlq-trades"])


def raising(error: Exception) -> Callable[..., None]:
    def raise_it(*_: object) -> None:
        raise error

    return raise_it
