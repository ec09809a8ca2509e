"""The schema registry: registers the project's schemas, makes codecs, fetches the schemas of other writers."""

from typing import TypeVar

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from infra.config import Config
from infra.errors import Unreachable
from schemas.codec import Codec, UnknownSchema, schema_text
from schemas.records import Record
from schemas.topics import TOPICS

R = TypeVar("R", bound=Record)


class RegistryUnavailable(Unreachable):
    """The registry does not give the schemas; the message says where it was sought and why not."""


def client(config: Config) -> SchemaRegistryClient:
    """Return a client of the registry's Confluent-compatible API."""
    return SchemaRegistryClient({"url": f"{config.registry}/apis/ccompat/v7"})


def register_all(config: Config) -> dict[str, int]:
    """Register the value schema of every topic; return the ids by subject. Repeating it changes nothing."""
    registry = client(config)
    return {
        subject: registry.register_schema(subject, Schema(schema_text(topic.record), "AVRO"))
        for topic in TOPICS.values()
        if topic.record is not None
        for subject in [topic.subject(config)]
    }


def make_codec(config: Config, record_type: type[R]) -> Codec[R]:
    """Return the codec of one record type under the id that the registry gave its schema.

    Raises `RegistryUnavailable` when it gives none.
    """
    registry = client(config)
    topic = next(topic for topic in TOPICS.values() if topic.record is record_type)
    schema = Schema(schema_text(record_type), "AVRO")
    try:
        schema_id = registry.register_schema(topic.subject(config), schema)
    except Exception as error:  # whatever the HTTP client beneath raises, it is about the registry
        text = f"the schema registry at {config.registry}: {error}"
        raise RegistryUnavailable(text, service="registry", endpoint=config.registry) from error

    def writer_schema(wanted: int) -> str:
        try:
            return str(registry.get_schema(wanted).schema_str)
        except SchemaRegistryError as error:
            if error.http_status_code == 404:
                raise UnknownSchema(f"schema id {wanted}: unknown to the registry") from None
            raise

    return Codec(record_type, schema_id, writer_schema)
