"""Records to bytes and back: Avro in the Confluent wire format (a zero byte, the schema's id, the Avro body).

The logical types stay in the registered schema, for every other reader of the topics. Here they are taken out
before fastavro sees the schema, so that decimals stay the integers they are on the wire: 3 µs a trade and not 8.
"""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import avro.schema
import fastavro
import msgspec
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, UnknownType

from schemas.errors import Refused
from schemas.records import Record

MAGIC = b"\x00"
HEADER_BYTES = 5
AVRO_DIR = Path(__file__).parent / "avro"

R = TypeVar("R", bound=Record)


class CodecError(Refused):
    """Bytes that are no record of the expected kind; the message says why."""


class UnknownSchema(CodecError):
    """A schema id that the registry does not know."""


def schema_text(record_type: type[Record]) -> str:
    """Return the Avro schema of a record type, as it is registered. Checked by the Avro reference implementation."""
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in record_type.__name__).lstrip("_")
    text = (AVRO_DIR / f"{name}.avsc").read_text()
    avro.schema.parse(text)
    return text


class Codec(Generic[R]):
    """Encodes and decodes one record type under one registered schema.

    `writer_schema(id)` gives the text of a schema that another writer used, or raises `UnknownSchema`.
    """

    def __init__(self, record_type: type[R], schema_id: int, writer_schema: Callable[[int], str]) -> None:
        self.record_type = record_type
        self.schema_id = schema_id
        self.header = MAGIC + schema_id.to_bytes(4, "big")
        text = schema_text(record_type)
        self._schema = _plain_schema(text)
        self._fixed = _fixed_fields(json.loads(text))
        self._writer_schema = writer_schema
        self._writers: dict[int, Any] = {schema_id: None}

    def encode(self, record: R) -> bytes:
        """Return the bytes of `record`; a `ValueError` names the field and the value that cannot be written."""
        record.check()
        return self.write(record)

    def write(self, record: R) -> bytes:
        """Return the bytes of a record that was checked: one that may not be can be written so, for a test."""
        values = msgspec.structs.asdict(record)
        for field, size in self._fixed:
            try:
                values[field] = values[field].to_bytes(size, "big", signed=True)
            except OverflowError:
                raise ValueError(f"{field}: {values[field]} does not fit into {size} bytes") from None
        buffer = io.BytesIO(self.header)
        buffer.seek(HEADER_BYTES)
        fastavro.schemaless_writer(buffer, self._schema, values)
        return buffer.getvalue()

    def decode(self, data: bytes | None) -> R:
        """Return the record in `data`; raises `CodecError` for anything that is not exactly one valid record."""
        if data is None:
            raise CodecError("no value (a tombstone)")
        if len(data) < HEADER_BYTES or data[:1] != MAGIC:
            raise CodecError(f"not the Confluent wire format: starts with {data[:HEADER_BYTES].hex()!r}")
        writer = self._writer(int.from_bytes(data[1:HEADER_BYTES], "big"))
        buffer = io.BytesIO(data)
        buffer.seek(HEADER_BYTES)
        try:
            values: Any
            if writer is None:
                values = fastavro.schemaless_reader(buffer, self._schema, None)
            else:
                values = fastavro.schemaless_reader(buffer, writer, self._schema)
            for field, _ in self._fixed:
                values[field] = int.from_bytes(_as_bytes(values[field]), "big", signed=True)
            record = msgspec.convert(values, self.record_type)
            record.check()
        except SchemaResolutionError:
            raise CodecError(
                f"no valid {self.record_type.__name__}: its writer's schema cannot be read as one"
            ) from None
        except EOFError:
            # its words name an object of this process
            raise CodecError(f"no valid {self.record_type.__name__}: it ends within a field") from None
        except (IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise CodecError(f"no valid {self.record_type.__name__}: {error or type(error).__name__}") from error
        if buffer.tell() != len(data):
            raise CodecError(f"no valid {self.record_type.__name__}: {len(data) - buffer.tell()} bytes too many")
        return record

    def decode_as_written(self, data: bytes) -> dict[str, Any]:
        """All that a valid record says by the schema under which it was written, fields unknown today included."""
        schema_id = int.from_bytes(data[1:HEADER_BYTES], "big")
        text = schema_text(self.record_type) if schema_id == self.schema_id else self._writer_schema(schema_id)
        buffer = io.BytesIO(data)
        buffer.seek(HEADER_BYTES)
        values: Any = fastavro.schemaless_reader(buffer, _plain_schema(text), None)
        decimals = {
            field: int.from_bytes(values[field], "big", signed=True) for field, _ in _fixed_fields(json.loads(text))
        }
        return {**values, **decimals}

    def written_without(self, schema_id: int, field: str) -> bool:
        """Return whether a schema id is of a writer whose schema is today's but for one field that it does not have."""
        try:
            writer = self._writer(schema_id)
        except CodecError:
            return False
        if not isinstance(writer, dict) or "fields" not in writer:
            return False
        kinds = [(known["name"], known["type"]) for known in self._schema["fields"] if known["name"] != field]
        return [(known["name"], known["type"]) for known in writer["fields"]] == kinds

    def _writer(self, schema_id: int) -> Any:
        """Return the parsed schema of another writer, `None` for our own."""
        if schema_id not in self._writers:
            text = self._writer_schema(schema_id)
            try:
                self._writers[schema_id] = _plain_schema(text)
            except (ValueError, KeyError, TypeError, SchemaParseException, UnknownType) as error:
                raise CodecError(f"schema id {schema_id}: no Avro schema: {error}") from None
        return self._writers[schema_id]


def _as_bytes(fixed: bytes | str) -> bytes:
    """Return the bytes of a decimal; the default of a schema is text, a character for each byte (Avro 1.12)."""
    return fixed.encode("latin-1") if isinstance(fixed, str) else fixed


def _plain_schema(text: str) -> Any:
    return fastavro.parse_schema(_without_logical_types(json.loads(text)))


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, dict):
        dropped = {"logicalType", "precision", "scale", "connect.name", "doc"}
        return {k: _without_logical_types(v) for k, v in node.items() if k not in dropped}
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    return node


def _fixed_fields(schema: dict[str, Any]) -> list[tuple[str, int]]:
    """Names and sizes of the fields that hold decimals."""
    sizes: dict[str, int] = {}
    found = []
    for field in schema["fields"]:
        kind = field["type"]
        if isinstance(kind, dict) and kind["type"] == "fixed":
            sizes[kind["name"]] = kind["size"]
            kind = kind["name"]
        if isinstance(kind, str) and kind in sizes:
            found.append((field["name"], sizes[kind]))
    return found
