"""Known failures of the libraries beneath, as one line for the user: by their type, never by the words they hold.

Imported where something failed already: a command that works does not wait for all of these libraries.
"""

from collections.abc import Callable
from errno import EACCES, EDQUOT, EEXIST, EFBIG, EISDIR, ENAMETOOLONG, ENOSPC, ENOTDIR, EPERM, EPIPE, EROFS
from typing import Any

from confluent_kafka import KafkaException
from httpx import HTTPError
from pydantic import ValidationError
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError

from infra.config import problems
from infra.errors import BadConfiguration, ServiceError, StackError, Unreachable, said
from producers.publisher import DeliveryError
from producers.recorded.errors import FileError
from schemas.broker import TopicsMissing
from streams.cli.errors import NOT_WRITTEN, UNREACHABLE, BadValue, CliError

CREATE_TOPICS = "hedgehog topics create"
DOCTOR = "hedgehog doctor"
INFRA_UP = "make infra-up"
OF_THE_USER = (EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EFBIG, EPIPE, EEXIST, ENOTDIR, EISDIR, ENAMETOOLONG)
"""What the system says of a folder of somebody else, a full disk, a reader that left, a name that is taken."""


def explained(error: Exception) -> CliError | None:
    """Return the `CliError` for a known failure; None for one that is a bug of ours."""
    if isinstance(error, CliError):
        return error
    return next((explain(error) for kind, explain in EXPLANATIONS if isinstance(error, kind)), None)


def _configuration(error: Any) -> CliError:
    return BadValue("; ".join(problems(error)), hint="see .env.example for every variable and its values")


def _of_the_system(error: OSError) -> CliError | None:
    return CliError(said(error)) if error.errno in OF_THE_USER else None


def _unreachable(hint: str) -> Callable[[Any], CliError]:
    return lambda error: CliError(str(error), hint=hint, code=UNREACHABLE)


def _of_postgres(what: str) -> Callable[[Any], CliError]:
    return lambda error: CliError(
        f"Postgres {what}: {str(error.orig).splitlines()[0]}", hint=INFRA_UP, code=UNREACHABLE
    )


EXPLANATIONS: tuple[tuple[type[Exception], Callable[[Any], CliError | None]], ...] = (
    (ValidationError, _configuration),
    (TopicsMissing, _unreachable(CREATE_TOPICS)),
    (Unreachable, _unreachable(INFRA_UP)),
    (ServiceError, _unreachable(DOCTOR)),
    (BadConfiguration, lambda error: BadValue(str(error))),
    (StackError, _unreachable(INFRA_UP)),
    (DeliveryError, lambda error: CliError(str(error), hint=DOCTOR, code=NOT_WRITTEN)),
    (KafkaException, lambda error: CliError(f"Kafka: {error.args[0].str()}", hint=DOCTOR, code=UNREACHABLE)),
    (OperationalError, _of_postgres("does not answer")),
    (DataError, lambda error: BadValue(f"Postgres has no room for a value: {str(error.orig).splitlines()[0]}")),
    (ProgrammingError, _of_postgres("has not the tables it needs")),
    (HTTPError, lambda error: CliError(f"{type(error).__name__}: {error}", hint=DOCTOR, code=UNREACHABLE)),
    (FileError, lambda error: CliError(str(error))),
    (OSError, _of_the_system),
)
"""The first type that an error is of explains it."""
