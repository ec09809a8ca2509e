"""What went wrong beneath a command: one line, what to try and the exit code, by the error's type."""

from errno import EACCES, EBADF, EEXIST, ENOSPC

import pytest
from confluent_kafka import KafkaError, KafkaException
from httpx import ConnectError
from pydantic import ValidationError
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError

from infra.config import Config
from infra.errors import ServiceError, StackError, Unreachable
from producers.publisher import DeliveryError
from producers.recorded.errors import FileError
from schemas.broker import TopicError, TopicsMissing
from streams.cli.errors import NOT_WRITTEN, PROBLEM, UNREACHABLE, USAGE, BadValue, CliError
from streams.cli.failures import explained

TRANSPORT = KafkaError(KafkaError._TRANSPORT, "broken pipe")


def wrong_partitions() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Config(partitions="twelve")  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("error", "message", "hint", "code"),
    [
        (CliError("as it is", hint="this", code=7), "as it is", "this", 7),
        (BadValue("--budget: x"), "--budget: x", None, USAGE),
        (
            TopicsMissing(Config(kafka_bootstrap="b:1"), ["t", "u"]),
            "topics missing on b:1: t, u",
            "hedgehog topics create",
            UNREACHABLE,
        ),
        (Unreachable("no broker"), "no broker", "make infra-up", UNREACHABLE),
        (ServiceError("it says no"), "it says no", "hedgehog doctor", UNREACHABLE),
        (TopicError("a partition is missing"), "a partition is missing", "make infra-up", UNREACHABLE),
        (StackError("no stack"), "no stack", "make infra-up", UNREACHABLE),
        (DeliveryError("3 of 4"), "3 of 4", "hedgehog doctor", NOT_WRITTEN),
        (KafkaException(TRANSPORT), "Kafka: broken pipe", "hedgehog doctor", UNREACHABLE),
        (
            OperationalError("SELECT", {}, Exception("no route\nto it")),
            "Postgres does not answer: no route",
            "make infra-up",
            UNREACHABLE,
        ),
        (
            ProgrammingError("SELECT", {}, Exception("no such table\nLINE 1")),
            "Postgres has not the tables it needs: no such table",
            "make infra-up",
            UNREACHABLE,
        ),
        (
            DataError("INSERT", {"price": "secret"}, Exception("numeric field overflow\nDETAIL:  1")),
            "Postgres has no room for a value: numeric field overflow",
            None,
            USAGE,
        ),
        (ConnectError("refused"), "ConnectError: refused", "hedgehog doctor", UNREACHABLE),
        (FileError("a.csv: line 3"), "a.csv: line 3", None, PROBLEM),
        (OSError(EACCES, "Permission denied", "/archive"), "/archive: Permission denied", None, PROBLEM),
        (OSError(ENOSPC, "No space left on device"), "No space left on device", None, PROBLEM),
        (OSError(EEXIST, "File exists", "a", None, "b"), "a and b: File exists", None, PROBLEM),
    ],
)
def test_a_known_failure_is_one_line(error: Exception, message: str, hint: str | None, code: int) -> None:
    known = explained(error)
    assert known is not None
    assert (str(known), known.hint, known.code) == (message, hint, code)


def test_a_wrong_variable_is_named_with_its_value() -> None:
    known = explained(wrong_partitions())
    assert isinstance(known, BadValue)
    assert str(known).startswith("HEDGEHOG_PARTITIONS=twelve: ")


@pytest.mark.parametrize(
    "error", [KeyError("x"), ValueError("partitions"), RuntimeError("missing"), OSError(EBADF, "Bad file")]
)
def test_a_bug_stays_a_bug(error: Exception) -> None:
    assert explained(error) is None
