"""What can go wrong with a command: one line for its user, and the exit code."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

OK = 0
PROBLEM = 1
USAGE = 2
UNREACHABLE = 3
NOT_WRITTEN = 4
INTERRUPTED = 130

EXIT_CODES = """Exit codes:

0    done
1    the command found a problem (audit, explain, status, doctor, produce)
2    wrong usage, value or symbol
3    a service cannot be reached or is not set up
4    the broker did not take everything
130  interrupted"""


class CliError(Exception):
    """Ends the command: what is wrong, what to type, and the exit code."""

    def __init__(self, message: str, *, hint: str | None = None, code: int = PROBLEM) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


class BadValue(CliError):
    """A value, symbol or combination of options that cannot be; the message names field and value."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, code=USAGE)


class Unreachable(CliError):
    """A service that does not answer or is not set up; the message names its endpoint."""

    def __init__(self, message: str, *, hint: str = "make infra-up") -> None:
        super().__init__(message, hint=hint, code=UNREACHABLE)


def explained(error: Exception) -> CliError | None:
    """The `CliError` for a known failure of the libraries beneath; `None` for one that is a bug of ours."""
    if isinstance(error, CliError):
        return error
    if type(error).__module__.startswith("typer"):
        return None  # usage errors and exits, which Typer handles itself
    for explain in (_configuration, _stack, _kafka, _database, _http):
        known = explain(error)
        if known is not None:
            return known
    return None


# The libraries are imported here, where something failed already: a command that works does not wait for them.


def _configuration(error: Exception) -> CliError | None:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return None
    wrong = [
        f"HEDGEHOG_{'_'.join(str(part) for part in item['loc']).upper()}={item['input']}: {item['msg']}"
        for item in error.errors()
    ]
    return BadValue("; ".join(wrong), hint="see .env.example for every variable and its values")


def _stack(error: Exception) -> CliError | None:
    from infra import errors
    from schemas.broker import TopicsMissing

    if not isinstance(error, errors.StackError):
        return None
    if isinstance(error, TopicsMissing):
        return Unreachable(str(error), hint="hedgehog topics create")
    answered = isinstance(error, errors.ServiceError) and not isinstance(error, errors.Unreachable)
    return Unreachable(str(error), hint="hedgehog doctor" if answered else "make infra-up")


def _kafka(error: Exception) -> CliError | None:
    from confluent_kafka import KafkaException

    from producers.publisher import DeliveryError
    from producers.settings_topic import SettingsUnavailable

    if isinstance(error, DeliveryError):
        return CliError(str(error), hint="hedgehog doctor", code=NOT_WRITTEN)
    if isinstance(error, SettingsUnavailable):
        hint = "hedgehog topics create" if "Unknown topic" in str(error) else "make infra-up"
        return Unreachable(str(error), hint=hint)
    if isinstance(error, KafkaException):
        return Unreachable(f"Kafka: {error.args[0].str()}", hint="hedgehog doctor")
    return None


def _database(error: Exception) -> CliError | None:
    from sqlalchemy.exc import OperationalError, ProgrammingError

    if isinstance(error, OperationalError):
        return Unreachable(f"Postgres does not answer: {str(error.orig).splitlines()[0]}")
    if isinstance(error, ProgrammingError):
        return Unreachable(f"Postgres has not the tables it needs: {str(error.orig).splitlines()[0]}")
    return None


def _http(error: Exception) -> CliError | None:
    from httpx import HTTPError

    return (
        Unreachable(f"{type(error).__name__}: {error}", hint="hedgehog doctor")
        if isinstance(error, HTTPError)
        else None
    )
