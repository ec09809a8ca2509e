"""The schema registry: registers the project's schemas, makes codecs, fetches the schemas of other writers."""

from collections.abc import Callable
from functools import cache
from http.client import CONFLICT, INTERNAL_SERVER_ERROR, NOT_FOUND
from typing import TypeVar

from infra.config import Config
from infra.errors import StackError, Unreachable
from schemas.codec import Codec, UnknownSchema, schema_text
from schemas.records import Record
from schemas.registry_client import RegistryClient, RegistryError
from schemas.topics import TOPICS

R = TypeVar("R", bound=Record)


COMPATIBILITY = "BACKWARD_TRANSITIVE"
"""What the registry demands of a schema: to read all that was written before, as topics are kept for years."""
ENOUGH = ("BACKWARD", "BACKWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")
"""The rules under which the newest schema reads what the one before it wrote."""


class RegistryUnavailable(Unreachable):
    """The registry does not give the schemas; the message says where it was sought and why not."""


class SchemaRefused(StackError):
    """A schema cannot read what was written under an earlier one of its subject; the message names both sides."""


def client(config: Config) -> RegistryClient:
    """Return a client of the registry's Confluent-compatible API."""
    return RegistryClient(f"{config.registry}/apis/ccompat/v7")


def register_all(config: Config) -> dict[str, int]:
    """Register the value schema of every topic, have the registry refuse what cannot read the earlier ones.

    Return the ids by subject. Repeating it changes nothing. Raises `SchemaRefused`, and what the registry's client
    raises.
    """
    registry = client(config)
    ids = {}
    for topic in TOPICS.values():
        if topic.record is not None:
            subject = topic.subject(config)
            # before, for a subject of an older program has no rule yet; after, for a new one cannot have it before
            _guard(registry, subject)
            ids[subject] = _register(registry, subject, topic.record)
            _guard(registry, subject)
    return ids


def compatibility(registry: RegistryClient, subject: str) -> str:
    """Return the subject's own rule of compatibility; `NONE` where it has none or does not exist."""
    try:
        return registry.compatibility(subject)
    except RegistryError as error:
        if error.status != NOT_FOUND:
            raise
        return "NONE"


def _guard(registry: RegistryClient, subject: str) -> None:
    """Give a subject the rule, unless it has one that is strict enough, or does not exist yet."""
    if compatibility(registry, subject) in ENOUGH:
        return
    try:
        registry.demand(subject, COMPATIBILITY)
    except RegistryError as error:
        if error.status != NOT_FOUND:
            raise


def _register(registry: RegistryClient, subject: str, record_type: type[Record]) -> int:
    """Return the id of a record type's schema under a subject; `SchemaRefused` where it breaks the rule."""
    try:
        return registry.register(subject, schema_text(record_type))
    except RegistryError as error:
        if error.status != CONFLICT:
            raise
        reason = " ".join(error.message.split())
        raise SchemaRefused(
            f"schema registry: {subject}: {record_type.__name__} as it is here cannot read what was written: {reason}"
        ) from None


def knows(config: Config) -> Callable[[int], bool]:
    """Return what tells whether the registry has a schema of an id, and asks it once for each.

    It raises `RegistryUnavailable` where the registry does not answer.
    """
    registry = client(config)

    @cache
    def known(schema_id: int) -> bool:
        try:
            registry.schema(schema_id)
        except RegistryError as error:
            if error.status < INTERNAL_SERVER_ERROR:  # it does not know it, or takes the id for none
                return False
            raise RegistryUnavailable(f"the schema registry at {config.registry_shown}: {error}") from None
        except (OSError, ValueError) as error:
            raise RegistryUnavailable(f"the schema registry at {config.registry_shown}: {error}") from None
        return True

    return known


def make_codec(config: Config, record_type: type[R]) -> Codec[R]:
    """Return the codec of one record type under the id that the registry gave its schema.

    Raises `RegistryUnavailable` when it gives none, `SchemaRefused` when it takes the schema for a breaking one.
    """
    registry = client(config)
    topic = next(topic for topic in TOPICS.values() if topic.record is record_type)
    try:
        schema_id = _register(registry, topic.subject(config), record_type)
    except SchemaRefused:
        raise
    except Exception as error:  # whatever the HTTP client beneath raises, it is about the registry
        raise RegistryUnavailable(f"the schema registry at {config.registry_shown}: {error}") from error

    def writer_schema(wanted: int) -> str:
        try:
            return registry.schema(wanted)
        except RegistryError as error:
            if error.status == NOT_FOUND:
                raise UnknownSchema(f"schema id {wanted}: unknown to the registry") from None
            raise

    return Codec(record_type, schema_id, writer_schema)
