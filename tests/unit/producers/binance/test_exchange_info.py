"""exchangeInfo to instruments: what is taken, and how each defect is named."""

import json
from typing import Any

import msgspec
import pytest

from producers.binance.exchange_info import parse_exchange_info
from schemas.records import Instrument
from schemas.units import AMOUNT_MAX, to_units


def symbol(**changes: Any) -> dict[str, Any]:
    """One symbol as Binance describes it."""
    return {
        "symbol": "XRPUSDT",
        "status": "TRADING",
        "baseAsset": "XRP",
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "orderTypes": ["LIMIT", "MARKET"],
        "icebergAllowed": True,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.00010000",
                "maxPrice": "10000.00000000",
                "tickSize": "0.00010000",
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": "0.10000000",
                "maxQty": "9222449.00000000",
                "stepSize": "0.10000000",
            },
            {"filterType": "ICEBERG_PARTS", "limit": 10},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
        ],
    } | changes


def payload(*symbols: dict[str, Any]) -> bytes:
    return json.dumps({"timezone": "UTC", "serverTime": 1, "rateLimits": [], "symbols": symbols}).encode()


def with_filter(kind: str, **changes: str | None) -> dict[str, Any]:
    """A symbol with one filter changed; a `None` takes the field out."""
    result = symbol()
    for rule in result["filters"]:
        if rule["filterType"] == kind:
            rule.update(changes)
            for name in [name for name, value in rule.items() if value is None]:
                del rule[name]
    return result


def only(*symbols: dict[str, Any]) -> Instrument:
    """The one instrument in an answer with nothing left out."""
    (instrument,), left_out = parse_exchange_info(payload(*symbols))
    assert not left_out
    return instrument


def test_every_field_is_taken() -> None:
    instrument = only(symbol())
    assert instrument.instrument == "binance:XRPUSDT"
    assert (instrument.base_asset, instrument.quote_asset) == ("XRP", "USDT")
    assert instrument.exchange_status == "TRADING"
    assert instrument.tick_size == instrument.min_price == 10_000
    assert instrument.max_price == to_units("10000", "max_price")
    assert instrument.step_size == instrument.min_quantity == 10_000_000
    assert instrument.max_quantity == to_units("9222449", "max_quantity")
    assert instrument.min_notional == 500_000_000


OLDER = {"filterType": "MIN_NOTIONAL", "minNotional": "10.00000000", "avgPriceMins": 5}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([OLDER], 1_000_000_000),
        ([OLDER, {"filterType": "NOTIONAL", "minNotional": "5"}], 1_000_000_000),
        ([OLDER, {"filterType": "NOTIONAL", "minNotional": "11"}], 1_100_000_000),
        ([], 0),
    ],
)
def test_either_notional_filter_both_or_none(filters: list[dict[str, Any]], expected: int) -> None:
    rules = [rule for rule in symbol()["filters"] if rule["filterType"] != "NOTIONAL"]
    assert only(symbol(filters=rules + filters)).min_notional == expected


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("PRICE_FILTER", {"tickSize": "0.00000000"}, {"tick_size": 1}),
        ("PRICE_FILTER", {"maxPrice": "0"}, {"max_price": 0}),
        # just what the wire holds, and beyond it
        ("PRICE_FILTER", {"maxPrice": "9999999999.99999999"}, {"max_price": 10**18 - 1}),
        ("PRICE_FILTER", {"maxPrice": "10000000000.00000000"}, {"max_price": 0}),
        ("PRICE_FILTER", {"maxPrice": "100000000000.00000000"}, {"max_price": 0}),
        ("LOT_SIZE", {"maxQty": "1" + "0" * 30}, {"max_quantity": AMOUNT_MAX}),
        ("LOT_SIZE", {"maxQty": "0"}, {"max_quantity": AMOUNT_MAX}),
    ],
)
def test_a_limit_of_zero_or_beyond_the_wire_is_none(
    kind: str, changes: dict[str, str], expected: dict[str, int]
) -> None:
    instrument = only(with_filter(kind, **changes))
    assert {name: getattr(instrument, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ([], {}),
        (
            [
                {
                    "filterType": "PERCENT_PRICE_BY_SIDE",
                    "bidMultiplierUp": "5",
                    "bidMultiplierDown": "0.2",
                    "askMultiplierUp": "4",
                    "askMultiplierDown": "0.3",
                    "avgPriceMins": 5,
                }
            ],
            {
                "bid_multiplier_up": "5",
                "bid_multiplier_down": "0.2",
                "ask_multiplier_up": "4",
                "ask_multiplier_down": "0.3",
            },
        ),
        (
            [{"filterType": "PERCENT_PRICE", "multiplierUp": "1.3", "multiplierDown": "0.7"}],
            {
                "bid_multiplier_up": "1.3",
                "bid_multiplier_down": "0.7",
                "ask_multiplier_up": "1.3",
                "ask_multiplier_down": "0.7",
            },
        ),
        ([{"filterType": "MAX_POSITION", "maxPosition": "10.00000000"}], {"max_position": "10"}),
        ([{"filterType": "MAX_POSITION", "maxPosition": "1" + "0" * 30}], {}),
    ],
)
def test_what_else_forbids_an_order_is_a_fact_too(added: list[dict[str, Any]], expected: dict[str, str]) -> None:
    fields = {name: to_units(text, name) for name, text in expected.items()}
    plain = only(symbol())
    assert only(symbol(filters=symbol()["filters"] + added)) == msgspec.structs.replace(plain, **fields)
    bounded = only(with_filter("NOTIONAL", maxNotional="9000000.00000000"))
    assert bounded == msgspec.structs.replace(plain, max_notional=to_units("9000000", "max_notional"))


def test_filters_of_another_day_do_not_matter() -> None:
    strange = [
        {"filterType": "T_PLUS_SELL", "minPrice": 5},
        {"filterType": "ICEBERG_PARTS", "limit": "x"},
    ]
    assert only(symbol(filters=symbol()["filters"] + strange)) == only(symbol())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html>", "no exchange information: JSON is malformed"),
        (b'{"code":-1003,"msg":"Too many requests"}', "missing required field `symbols`"),
    ],
)
def test_what_is_no_answer_is_refused(answer: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_exchange_info(answer)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({k: v for k, v in symbol().items() if k != "baseAsset"}, "Object missing required field `baseAsset`"),
        (symbol(filters=[]), "no PRICE_FILTER among its filters"),
        (symbol(filters={}), "Expected `array`, got `object` - at `$.filters`"),
        (with_filter("PRICE_FILTER", tickSize="abc"), "PRICE_FILTER.tickSize: 'abc' is not a decimal number"),
        (
            with_filter("PRICE_FILTER", tickSize="0.000000001"),
            "PRICE_FILTER.tickSize: '0.000000001' has more than 8 decimals",
        ),
        (with_filter("PRICE_FILTER", minPrice="10000000000"), "min_price: 10000000000 is not between 0 and"),
        (with_filter("LOT_SIZE", stepSize=None), "LOT_SIZE.stepSize is missing"),
        (with_filter("LOT_SIZE", stepSize=0.1), "Expected `str | null`, got `float` - at `$.stepSize`"),
        (with_filter("LOT_SIZE", minQty="-1"), "LOT_SIZE.minQty: '-1' is negative"),
        (with_filter("NOTIONAL", minNotional="1" + "0" * 30), "min_notional: 1" + "0" * 30),
    ],
)
def test_an_odd_symbol_is_left_out_by_name_and_the_others_are_kept(odd: dict[str, Any], reason: str) -> None:
    other = symbol(symbol="ETHUSDT", baseAsset="ETH")
    instruments, left_out = parse_exchange_info(payload(odd, other))
    assert [instrument.symbol for instrument in instruments] == ["ETHUSDT"]
    assert [each.instrument for each in left_out] == ["binance:XRPUSDT"]
    assert reason in left_out[0].reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("A:B", "symbol: 'A:B', 3 characters, is not 1 to 100 characters without a colon"),
        ("A/B", "symbol: 'A/B' has the character '/'"),
        ("A B", "has the character ' '"),
        ("A\u0000B", "symbol: 'A\\x00B', 3 characters, is not"),
        ("", "symbol: '', 0 characters, is not"),
        ("A" * 101, "101 characters, is not"),
        ("ETHUSDT", "it is listed twice"),
    ],
)
def test_a_name_that_no_key_can_have(name: str, reason: str) -> None:
    instruments, left_out = parse_exchange_info(payload(symbol(symbol="ETHUSDT"), symbol(symbol=name)))
    assert [instrument.symbol for instrument in instruments] == ["ETHUSDT"]
    assert left_out[0].instrument == f"binance:{name or 'row 2'}"
    assert reason in left_out[0].reason


def test_names_of_any_script_are_taken() -> None:
    assert only(symbol(symbol="币安人生USDT")).symbol == "币安人生USDT"
