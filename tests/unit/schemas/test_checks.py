"""What may stand in each field of each record, and what may not: the same for whoever writes and whoever reads."""

from typing import Any

import msgspec
import pytest

from schemas.checks import COUNT_MAX, FIELDS, FIRST_MARKET_TIME, INT_MAX, LAST_TIME, LONG_MAX
from schemas.codec import Codec, CodecError, schema_text
from schemas.errors import Refused
from schemas.journal_records import Applied, Checkpoint
from schemas.market_records import Alert, Candle, Digest
from schemas.records import DeadLetter, ExecutionType, OrderStatus, Record
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX, VOLUME_MAX
from tests.records import BY_TYPE
from tests.samples import fill, instrument, order, settings, trade

APPLIED = Applied(
    exchange="binance",
    symbol="XRPUSDT",
    version=1,
    input_topic="fills",
    input_partition=0,
    input_offset=0,
    trades_offset=-1,
)
CHECKPOINT = Checkpoint(
    exchange="binance",
    symbol="XRPUSDT",
    agent="trading",
    version=1,
    input_partition=0,
    trades_offset=-1,
    layout="one",
    state=b"{}",
)
LETTER = DeadLetter(source="trading", topic="fills", partition=0, offset=3, key=None, value=None, error="", time=1)
CANDLE = Candle(
    exchange="binance",
    symbol="XRPUSDT",
    interval=5,
    open_time=FIRST_MARKET_TIME,
    open=2 * ONE,
    high=4 * ONE,
    low=ONE,
    close=3 * ONE,
    volume=5,
    quote_volume=6,
    taker_buy_volume=5,
    trades=2,
    first_trade_id=7,
    last_trade_id=8,
    revision=0,
    complete=True,
    closed=True,
)
ALERT = Alert(
    exchange="binance",
    symbol="XRPUSDT",
    alert_id="binance:XRPUSDT:off-average:up:4",
    kind="off-average",
    direction="up",
    price=ONE,
    reference=ONE,
    threshold=0,
    value=0,
    held_back=0,
    settings_offset=-1,
    event_time=FIRST_MARKET_TIME,
)
DIGEST = Digest(
    exchange="binance",
    symbol="XRPUSDT",
    time=FIRST_MARKET_TIME,
    price=2 * ONE,
    average=ONE,
    trades_per_second=0,
    open=2 * ONE,
    high=4 * ONE,
    low=ONE,
    volume=5,
    quote_volume=6,
    trades=2,
    covered_since=FIRST_MARKET_TIME,
    settings_offset=-1,
)

WIDE = "\U0001f994"
# Each: a record, a field, what may stand there, what may not.
RANGES: list[tuple[Record, str, tuple[int, int]]] = [
    (trade("1"), "price", (1, PRICE_MAX)),
    (trade("1"), "quantity", (1, AMOUNT_MAX)),
    *((trade("1"), field, (0, LONG_MAX)) for field in ("trade_id", "buyer_order_id", "seller_order_id")),
    *((trade("1"), field, (FIRST_MARKET_TIME, LAST_TIME)) for field in ("trade_time", "event_time")),
    (trade("1"), "received_time", (0, LAST_TIME)),
    (order(), "price", (1, PRICE_MAX)),
    (order(), "quantity", (1, AMOUNT_MAX)),
    *((order(), field, (0, COUNT_MAX)) for field in ("epoch", "version")),
    (order(), "trader", (0, LONG_MAX)),
    (order(), "input_partition", (0, INT_MAX)),
    *((order(), f"{topic}_offset", (-1, LONG_MAX)) for topic in ("trades", "fills", "settings", "instruments")),
    *((order(), field, (0, LAST_TIME)) for field in ("created_time", "updated_time")),
    (fill(), "price", (1, PRICE_MAX)),
    (fill(), "commission", (-AMOUNT_MAX, AMOUNT_MAX)),
    (fill(), "trade_id", (0, LONG_MAX)),
    *((fill(), field, (0, COUNT_MAX)) for field in ("epoch", "version")),
    (fill(), "transaction_time", (0, LAST_TIME)),
    (instrument(), "tick_size", (1, PRICE_MAX)),
    (instrument(), "step_size", (1, AMOUNT_MAX)),
    *((instrument(), field, (0, PRICE_MAX)) for field in ("min_price", "max_price")),
    *((instrument(), field, (0, AMOUNT_MAX)) for field in ("min_quantity", "max_quantity", "min_notional")),
    (instrument(), "updated_time", (0, LAST_TIME)),
    (settings(), "chunks", (1, 1_000)),
    (settings(), "budget", (1, AMOUNT_MAX)),
    *((settings(), f"{each}_interval", (1 - ONE, ONE - 1)) for each in ("buy_down", "profit", "rebuy")),
    (settings(), "fee", (0, ONE - 1)),
    (settings(), "updated_time", (0, LAST_TIME)),
    (settings(), "revision", (0, COUNT_MAX)),
    (APPLIED, "version", (0, COUNT_MAX)),
    (APPLIED, "input_partition", (0, INT_MAX)),
    (APPLIED, "input_offset", (-1, LONG_MAX)),
    *((CHECKPOINT, field, (0, COUNT_MAX)) for field in ("epoch", "version")),
    (CHECKPOINT, "input_partition", (0, INT_MAX)),
    (CHECKPOINT, "trades_offset", (-1, LONG_MAX)),
    (APPLIED, "trades_offset", (-1, LONG_MAX)),
    (LETTER, "partition", (-1, INT_MAX)),
    (LETTER, "offset", (-1, LONG_MAX)),
    (LETTER, "time", (0, LAST_TIME)),
    (CANDLE, "interval", (1, 1_440)),
    (CANDLE, "open_time", (0, LAST_TIME)),
    *((each, "trades", (1, COUNT_MAX)) for each in (CANDLE, DIGEST)),
    *((CANDLE, field, (ONE, 4 * ONE)) for field in ("open", "close")),
    *((DIGEST, field, (ONE, 4 * ONE)) for field in ("open", "price")),
    (CANDLE, "volume", (5, VOLUME_MAX)),
    (CANDLE, "taker_buy_volume", (0, 5)),
    (DIGEST, "volume", (1, VOLUME_MAX)),
    *((each, "quote_volume", (0, VOLUME_MAX)) for each in (CANDLE, DIGEST)),
    (DIGEST, "average", (1, PRICE_MAX)),
    (DIGEST, "trades_per_second", (0, AMOUNT_MAX)),
    *((DIGEST, field, (0, LAST_TIME)) for field in ("time", "covered_since")),
    *((ALERT, field, (1, PRICE_MAX)) for field in ("price", "reference")),
    (ALERT, "threshold", (0, ONE)),
    (ALERT, "value", (-ONE, AMOUNT_MAX)),
    (ALERT, "held_back", (0, COUNT_MAX)),
    (ALERT, "event_time", (FIRST_MARKET_TIME, LAST_TIME)),
]
NAMES = (("", "a:b", ":", "a\nb", "a\tb", "a\x00", "\x7f", "a\ud800"), ("a", "a b", "币安", WIDE, "a/b", "\u2028"))
STORED = (("\x00", "a\x00b", "\udfff"), ("a:b", "\n", "\x7f", '"', WIDE, "\ufeff"))
KEYED = (trade("1"), order(), fill(), instrument(), settings(), APPLIED, CHECKPOINT, CANDLE, ALERT, DIGEST)
TEXTS: list[tuple[Record, str, tuple[tuple[str, ...], tuple[str, ...]], tuple[int, int]]] = [
    *((record, "exchange", NAMES, (1, 40)) for record in KEYED),
    *((record, "symbol", NAMES, (1, 100)) for record in KEYED),
    *((record, "client_order_id", STORED, (1, 200)) for record in (order(), fill())),
    (fill(), "fill_id", STORED, (1, 224)),
    *((record, "reason", STORED, (0, 4_000)) for record in (order(), fill())),
    (order(), "time_in_force", STORED, (0, 40)),
    (order(), "cause_topic", STORED, (1, 249)),
    *((instrument(), field, STORED, (0, 40)) for field in ("base_asset", "quote_asset", "exchange_status")),
    (APPLIED, "input_topic", STORED, (1, 249)),
    *((record, "agent", STORED, (0, 40)) for record in (APPLIED, CHECKPOINT)),
    (CHECKPOINT, "layout", STORED, (0, 40)),
    (APPLIED, "terms", STORED, (0, 64_000)),
    (LETTER, "source", STORED, (0, 200)),
    (LETTER, "topic", STORED, (1, 249)),
    (LETTER, "error", STORED, (0, 4_000)),
    (ALERT, "alert_id", STORED, (1, 250)),
    *((ALERT, field, STORED, (1, 40)) for field in ("kind", "direction")),
]
# What depends on another field.
GOOD: list[tuple[Record, dict[str, Any]]] = [
    (order(status=OrderStatus.REJECTED), {"price": 0, "quantity": 0}),
    (order(status=OrderStatus.FILLED, executed_quantity="1"), {}),
    (order(status=OrderStatus.PARTIALLY_FILLED, executed_quantity="0.5"), {}),
    (order(status=OrderStatus.CANCELED, executed_quantity="0.5"), {"cancel_requested": True}),
    (order(status=OrderStatus.EXPIRED), {}),
    (fill(execution_type=ExecutionType.CANCELED, quantity="0"), {}),
    (fill(execution_type=ExecutionType.REJECTED, quantity="0", cumulative_quantity="0"), {}),
    (settings(), {"changed": ""}),
    (settings(), {"changed": "chunks,fee"}),
    (APPLIED, {"settings": msgspec.json.encode(settings()).decode()}),
    (APPLIED, {"instrument_taken": msgspec.json.encode(instrument()).decode()}),
]
BAD: list[tuple[Record, dict[str, Any], str]] = [
    (order(), {"price": 0}, "price: 0 "),
    (order(), {"quantity": 0}, "quantity: 0 "),
    (order(), {"executed_quantity": 1}, "executed_quantity of an order that is NEW"),
    (order(status=OrderStatus.REJECTED), {"executed_quantity": 1}, "executed_quantity of an order that is REJECTED"),
    (order(status=OrderStatus.REJECTED), {"price": -1}, "price: "),
    (order(status=OrderStatus.FILLED, executed_quantity="1"), {"executed_quantity": ONE - 1}, "that is FILLED"),
    (order(status=OrderStatus.PARTIALLY_FILLED, executed_quantity="1"), {}, "that is PARTIALLY_FILLED"),
    (order(status=OrderStatus.PARTIALLY_FILLED, executed_quantity="0"), {}, "that is PARTIALLY_FILLED"),
    (order(status=OrderStatus.CANCELED), {"executed_quantity": ONE + 1}, "that is CANCELED"),
    (order(status=OrderStatus.EXPIRED), {"executed_quantity": -1}, "that is EXPIRED"),
    (fill(), {"quantity": 0}, "quantity of TRADE: 0 "),
    (fill(), {"cumulative_quantity": ONE - 1}, "cumulative_quantity: 0.99999999 is not between 1 and 1"),
    (fill(), {"cumulative_quantity": ONE + 1}, "cumulative_quantity: "),
    (fill(), {"order_quantity": 0}, "order_quantity: 0 "),
    (fill(), {"order_quantity": AMOUNT_MAX + 1}, "order_quantity: "),
    (fill(execution_type=ExecutionType.CANCELED), {}, "quantity of CANCELED: 1 is not between 0 and 0"),
    (fill(execution_type=ExecutionType.REJECTED, quantity="0"), {}, "cumulative_quantity: 1 is not between 0 and 0"),
    (settings(), {"changed": "symbol"}, "changed: 'symbol' is none of"),
    (settings(), {"changed": "chunks,"}, "changed: '' is none of"),
    (APPLIED, {"settings": ""}, "settings: '' is no Settings"),
    (APPLIED, {"settings": "{}"}, "settings: '{}' is no Settings"),
    *((each, {"high": ONE - 1}, "high: ") for each in (CANDLE, DIGEST)),
    *((each, {"high": PRICE_MAX + 1}, "high: ") for each in (CANDLE, DIGEST)),
    *((each, {"low": 0}, "low: ") for each in (CANDLE, DIGEST)),
    *((each, {"open": 5 * ONE}, "open: ") for each in (CANDLE, DIGEST)),
    (APPLIED, {"instrument_taken": "[]"}, "instrument_taken: .* is no Instrument"),
]


def codec(record: Record) -> Codec[Any]:
    return Codec(type(record), 7, lambda _: schema_text(type(record)))


def assert_taken(record: Record) -> None:
    assert codec(record).decode(codec(record).encode(record)) == record


def assert_refused(record: Record, reason: str) -> None:
    """By whoever writes it, and by whoever reads it, if Avro has bytes for it at all."""
    with pytest.raises(Refused, match=reason):
        codec(record).encode(record)
    try:
        data = codec(record).write(record)
    except (ValueError, OverflowError):
        return
    with pytest.raises(CodecError, match=reason):
        codec(record).decode(data)


def changed(record: Record, **changes: Any) -> Record:
    return msgspec.structs.replace(record, **changes)


@pytest.mark.parametrize("kind", BY_TYPE, ids=lambda kind: kind.__name__)
def test_every_field_of_every_record_has_its_line(kind: type[Record]) -> None:
    assert set(kind.__struct_fields__) <= FIELDS.keys()


def test_every_line_is_of_a_field() -> None:
    assert {field for kind in BY_TYPE for field in kind.__struct_fields__} == FIELDS.keys()


@pytest.mark.parametrize(("record", "field", "ends"), RANGES)
def test_numbers(record: Record, field: str, ends: tuple[int, int]) -> None:
    for value in ends:
        assert_taken(changed(record, **{field: value}))
    for value in (ends[0] - 1, ends[1] + 1):
        assert_refused(changed(record, **{field: value}), rf"{field}: .* is not between")


@pytest.mark.parametrize(("record", "field", "samples", "lengths"), TEXTS)
def test_texts(
    record: Record, field: str, samples: tuple[tuple[str, ...], tuple[str, ...]], lengths: tuple[int, int]
) -> None:
    shortest, longest = lengths
    bad, good = samples
    for value in (*good, "x" * shortest, "x" * longest, WIDE * longest):
        assert_taken(changed(record, **{field: value}))
    for value in (*bad, "x" * (longest + 1), *([""] if shortest else [])):
        assert_refused(changed(record, **{field: value}), rf"{field}: .* characters, is not {shortest} to {longest}")


@pytest.mark.parametrize(("record", "changes"), GOOD)
def test_what_goes_together(record: Record, changes: dict[str, Any]) -> None:
    assert_taken(changed(record, **changes))


@pytest.mark.parametrize(("record", "changes", "reason"), BAD)
def test_what_does_not_go_together(record: Record, changes: dict[str, Any], reason: str) -> None:
    assert_refused(changed(record, **changes), reason)


def test_a_message_shows_no_more_than_the_begin_of_a_long_value() -> None:
    with pytest.raises(Refused) as refused:
        changed(trade("1"), symbol="S" * 10**6).check()
    shown = f"'{'S' * 80}'…"
    wanted = "1 to 100 characters without a colon or control character that can be stored"
    assert str(refused.value) == f"symbol: {shown}, 1000000 characters, is not {wanted}"
