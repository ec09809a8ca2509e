"""Which letters of a sink are about the registry, which stay, and from where the sink reads again."""

from dataclasses import dataclass
from typing import Any, cast

import pytest
from confluent_kafka import Message

from connectors import letters
from connectors.letters import Letter, Letters, first_unread, letter_of, staying
from connectors.pauses import Pauses
from infra.config import Config
from infra.errors import Unreachable
from schemas.registry import RegistryUnavailable

NO_ANSWER = "io.apicurio.registry.rest.client.exception.RestClientException"
NO_SUCH = "io.apicurio.registry.rest.client.exception.ContentNotFoundException"
NO_RECORD = "java.io.UncheckedIOException"
RECORD = b"\x00\x00\x00\x00\x07record"


@dataclass
class Stored:
    """A letter as the broker gives it."""

    offset: int
    cause: str
    data: bytes | None = RECORD
    number: int = 0

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
    assert first_unread(found, lambda schema_id: schema_id == 7) == {("trades", 0): 7, ("trades", 1): 2}


def test_letters_that_do_not_come_again_stay_once_each() -> None:
    before, again, beside = Stored(4, NO_RECORD), Stored(8, NO_RECORD), Stored(8, NO_RECORD, number=3)
    messages = [before, Stored(7, NO_ANSWER), again, beside, before]
    stay = list(staying(cast(list[Message], messages), {("trades", 0): 7}))
    assert [(letter.value, letter.key, letter.partition, letter.time_ms) for letter in stay] == [
        (RECORD, b"binance:XRPUSDT", 1, 1_700_000_000_000)
    ] * 2
    assert [dict(letter.headers)["__connect.errors.offset"] for letter in stay] == [b"4", b"8"]
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


def test_a_registry_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    spans, moved, answers = {("dlq-trades", 0): (0, 1)}, list[Any](), list[bool]()
    monkeypatch.setattr(letters.probes, "broker", lambda config: None)
    monkeypatch.setattr(letters, "admin", lambda config: None)
    monkeypatch.setattr(letters, "partitions", lambda client, names: list(spans))
    monkeypatch.setattr(letters, "spans", lambda client, wanted: spans)
    monkeypatch.setattr(letters, "records", lambda config, wanted: [Stored(0, NO_SUCH)] if wanted else [])
    monkeypatch.setattr(letters, "_read_again", lambda *arguments: moved.append(arguments))

    def asked(schema_id: int) -> bool:
        if not answers:
            raise RegistryUnavailable("away")
        return answers.pop()

    monkeypatch.setattr(letters, "knows", lambda config: asked)
    looking = Letters(Config())
    for now in (0.0, 1.0):
        with pytest.raises(Unreachable, match="away"):
            looking.look(now)
    answers.append(False)
    assert looking.look(2.0) == []
    # what was looked at is not read again
    assert looking.look(3.0) == []
    assert not moved
