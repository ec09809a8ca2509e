"""The codec: every record there and back, other writers' schemas, and everything that is no record."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Codec, CodecError, UnknownSchema, schema_text
from schemas.records import FILTERS, Instrument, Order, Record, Trade
from schemas.units import AMOUNT_MAX, ONE, to_decimal
from tests import samples
from tests.records import BY_TYPE
from tests.samples import fill, instrument, order, settings, trade

OURS, OTHER = 7, 8


def no_other(schema_id: int) -> str:
    raise UnknownSchema(f"schema id {schema_id}: unknown to the registry")


def codec(record_type: type[Any], other: Callable[[int], str] = no_other) -> Codec[Any]:
    return Codec(record_type, OURS, other)


CODECS = {kind: codec(kind) for kind in BY_TYPE}


@given(st.one_of(*BY_TYPE.values()))
def test_there_and_back(record: Record) -> None:
    chosen = CODECS[type(record)]
    data = chosen.encode(record)
    assert data[:5] == b"\x00\x00\x00\x00\x07"
    assert chosen.decode(data) == record


@given(data=st.binary(max_size=200), kind=st.sampled_from(list(CODECS)), framed=st.booleans())
def test_bytes_are_a_record_or_a_codec_error(data: bytes, kind: type[Record], framed: bool) -> None:
    try:
        record = CODECS[kind].decode(CODECS[kind].header + data if framed else data)
    except CodecError:
        return
    assert CODECS[kind].decode(CODECS[kind].encode(record)) == record


def evolved(record_type: type[Record], change: Callable[[list[dict[str, Any]]], None]) -> str:
    """The schema text of a writer that is of another day."""
    schema = json.loads(schema_text(record_type))
    change(schema["fields"])
    return json.dumps(schema)


def drop(*names: str) -> Callable[[list[dict[str, Any]]], None]:
    def change(fields: list[dict[str, Any]]) -> None:
        fields[:] = [field for field in fields if field["name"] not in names]

    return change


def test_a_writer_that_knew_less() -> None:
    text = evolved(Trade, drop("buyer_order_id", "seller_order_id"))
    written = written_as(text, trade("100"))
    assert codec(Trade, lambda _: text).decode(written) == trade("100")


def test_a_writer_that_knows_more() -> None:
    text = evolved(Trade, lambda fields: fields.insert(3, {"name": "venue", "type": "string", "default": "x"}))
    written = written_as(text, trade("100"), venue="spot")
    assert codec(Trade, lambda _: text).decode(written) == trade("100")


def test_a_writer_with_another_order_of_fields_is_asked_for_once() -> None:
    text = evolved(Trade, lambda fields: fields.append(fields.pop(2)))
    asked: list[int] = []
    reader = codec(Trade, lambda schema_id: asked.append(schema_id) or text)
    for number in (1, 2):
        assert reader.decode(written_as(text, trade("100", number))) == trade("100", number)
    assert asked == [OTHER]


def test_a_writer_that_left_out_what_is_needed() -> None:
    text = evolved(Trade, drop("trade_time"))
    with pytest.raises(CodecError, match="no valid Trade: its writer's schema"):
        codec(Trade, lambda _: text).decode(written_as(text, trade("100")))


def test_a_writer_of_something_else() -> None:
    text = schema_text(Order)
    data = CODECS[Order].encode(order())
    with pytest.raises(CodecError, match="no valid Trade"):
        codec(Trade, lambda _: text).decode(data[:4] + bytes([OTHER]) + data[5:])


@pytest.mark.parametrize("text", ["", "syntax = 'proto3';", '{"type": "object"}', '{"type": "record"}', "{}"])
def test_a_schema_that_is_not_avro(text: str) -> None:
    with pytest.raises(CodecError, match="schema id 8: no Avro schema"):
        codec(Trade, lambda _: text).decode(b"\x00\x00\x00\x00\x08" + GOOD[5:])


def written_as(text: str, record: Trade, **more: str) -> bytes:
    """The bytes of a trade under another writer's schema, by the Avro library alone, logical types and all."""
    values: dict[str, Any] = {**msgspec.structs.asdict(record), **more}
    for name in ("price", "quantity"):
        values[name] = to_decimal(values[name])
    for name in ("trade_time", "event_time", "received_time"):
        values[name] = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=values[name])
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(json.loads(text)), values)
    return b"\x00" + OTHER.to_bytes(4, "big") + buffer.getvalue()


GOOD = CODECS[Trade].encode(trade("100"))
POISON: dict[str, tuple[bytes | None, str]] = {
    "tombstone": (None, "tombstone"),
    "empty": (b"", "not the Confluent wire format"),
    "shorter than a header": (b"\x00\x00\x00\x00", "not the Confluent wire format"),
    "wrong magic byte": (b"\x01" + GOOD[1:], "not the Confluent wire format: starts with '0100000007'"),
    "text": (b'{"price": "100"}', "not the Confluent wire format"),
    "unknown schema": (b"\x00\x00\x00\x30\x39" + GOOD[5:], "schema id 12345: unknown to the registry"),
    "header only": (GOOD[:5], "no valid Trade"),
    "truncated": (GOOD[:-1], "no valid Trade"),
    "truncated in a decimal": (GOOD[:9], "no valid Trade"),
    "a byte too many": (GOOD + b"\x00", "1 bytes too many"),
    "negative price": (
        GOOD[:5] + b"\xff" * 8 + GOOD[13:],
        "price: -0.00000001 is not between 0.00000001 and 9999999999.99999999",
    ),
    "no price": (GOOD[:5] + b"\x00" * 8 + GOOD[13:], "price: 0 is not between"),
    "price beyond the wire": (GOOD[:5] + b"\x7f" + b"\xff" * 7 + GOOD[13:], "price: .* is not between"),
    "no quantity": (GOOD[:13] + b"\x00" * 12 + GOOD[25:], "quantity: 0 is not between"),
    "a megabyte of nothing": (GOOD[:5] + b"\x00" * 1_000_000, "no valid Trade"),
    "a megabyte of ones": (GOOD[:5] + b"\xff" * 1_000_000, "no valid Trade"),
}


@pytest.mark.parametrize(("data", "reason"), POISON.values(), ids=POISON.keys())
def test_what_is_no_trade(data: bytes | None, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        CODECS[Trade].decode(data)


def test_a_registry_that_is_down_is_not_a_bad_record() -> None:
    def down(schema_id: int) -> str:
        raise ConnectionError("registry")

    with pytest.raises(ConnectionError, match="registry"):
        codec(Trade, down).decode(b"\x00\x00\x00\x30\x39" + GOOD[5:])


@pytest.mark.parametrize(
    ("record", "change", "reason"),
    [
        (trade("1"), {"price": 0}, "price: 0 "),
        (trade("1"), {"price": 10**30}, "price: 10000000000000000000000 "),
        (trade("1"), {"quantity": AMOUNT_MAX + 1}, "quantity: 100000000000000000000 "),
        (order(), {"price": -1}, "price: -0.00000001 "),
        (
            order(),
            {"executed_quantity": 1},
            "executed_quantity of an order that is NEW: 0.00000001 is not between 0 and 0",
        ),
        (fill(), {"price": 0}, "price: 0 "),
        (fill(), {"quantity": -1}, "quantity of TRADE: -0.00000001 "),
        (fill(), {"cumulative_quantity": 2 * ONE}, "cumulative_quantity: 2 "),
        (fill(), {"commission": 2**95}, "commission: 396140812571321687967.71975168 is not"),
        (settings(), {"chunks": 0}, "chunks: 0 is not between 1 and 1000"),
        (settings(), {"buy_down_interval": ONE}, "buy_down_interval: 1 is not between -0.99999999 and 0.99999999"),
        (instrument(), {"tick_size": 0}, "tick_size: 0 is not between 0.00000001 and 9999999999.99999999"),
    ],
)
def test_what_cannot_be_written_is_named(record: Record, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        CODECS[type(record)].encode(msgspec.structs.replace(record, **change))


def test_an_instrument_of_before_there_were_all_filters_limits_nothing_by_them() -> None:
    schema = json.loads(schema_text(Instrument))
    added = {name for name in FILTERS if name.startswith(("max_notional", "bid_", "ask_", "max_position"))}
    older = {**schema, "fields": [field for field in schema["fields"] if field["name"] not in added]}
    assert len(schema["fields"]) - len(older["fields"]) == 6
    ours = Codec(Instrument, 7, lambda _: json.dumps(older))
    record = samples.instrument(max_notional="9", max_position="8", bid_multiplier_up="5")
    assert ours.decode(ours.encode(record)) == record
    # what was added stands at the end
    before = b"\x00" + (3).to_bytes(4, "big") + ours.encode(record)[5 : -(2 * 12 + 4 * 8)]
    assert ours.decode(before) == samples.instrument()
