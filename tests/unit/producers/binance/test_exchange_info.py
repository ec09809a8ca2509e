"""exchangeInfo to instruments: what is taken, and how each defect is named."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from producers.binance.exchange_info import ExchangeInfoError, load_exchange_info, parse_exchange_info
from schemas.units import to_units


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


def test_every_field_is_taken() -> None:
    (instrument,) = parse_exchange_info(payload(symbol()))
    assert instrument.instrument == "binance:XRPUSDT"
    assert (instrument.base_asset, instrument.quote_asset) == ("XRP", "USDT")
    assert instrument.exchange_status == "TRADING"
    assert instrument.tick_size == instrument.min_price == 10_000
    assert instrument.max_price == to_units("10000", "max_price")
    assert instrument.step_size == instrument.min_quantity == 10_000_000
    assert instrument.max_quantity == to_units("9222449", "max_quantity")
    assert instrument.min_notional == 500_000_000


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([{"filterType": "MIN_NOTIONAL", "minNotional": "10.00000000", "avgPriceMins": 5}], 1_000_000_000),
        ([], 0),
    ],
)
def test_the_older_notional_filter_or_none(filters: list[dict[str, Any]], expected: int) -> None:
    rules = [rule for rule in symbol()["filters"] if rule["filterType"] != "NOTIONAL"]
    (instrument,) = parse_exchange_info(payload(symbol(filters=rules + filters)))
    assert instrument.min_notional == expected


def test_a_rule_of_zero_is_no_rule() -> None:
    (instrument,) = parse_exchange_info(payload(with_filter("PRICE_FILTER", tickSize="0.00000000", maxPrice="0")))
    assert (instrument.tick_size, instrument.max_price) == (1, 0)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html>", "no exchange information: JSON is malformed"),
        (b'{"code":-1003,"msg":"Too many requests"}', "missing required field `symbols`"),
        (
            payload({k: v for k, v in symbol().items() if k != "baseAsset"}),
            r"missing required field `baseAsset` - at `\$\.symbols\[0\]`",
        ),
        (payload(symbol(filters=[])), "XRPUSDT: no PRICE_FILTER among its filters"),
        (
            payload(with_filter("PRICE_FILTER", tickSize="abc")),
            r"XRPUSDT: PRICE_FILTER\.tickSize: 'abc' is not a decimal number",
        ),
        (
            payload(with_filter("PRICE_FILTER", tickSize="0.000000001")),
            r"tickSize: '0\.000000001' has more than 8 decimals",
        ),
        (payload(with_filter("LOT_SIZE", stepSize=None)), r"XRPUSDT: LOT_SIZE\.stepSize is missing"),
        (payload(with_filter("LOT_SIZE", minQty="-1")), r"XRPUSDT: LOT_SIZE\.minQty: '-1' is negative"),
    ],
)
def test_defects_are_named(answer: bytes, message: str) -> None:
    with pytest.raises(ExchangeInfoError, match=message):
        parse_exchange_info(answer)


def test_from_a_cached_file(tmp_path: Path) -> None:
    plain, packed = tmp_path / "info.json", tmp_path / "info.json.gz"
    plain.write_bytes(payload(symbol()))
    packed.write_bytes(gzip.compress(payload(symbol())))
    assert load_exchange_info(plain) == load_exchange_info(str(packed)) == parse_exchange_info(payload(symbol()))


def test_the_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExchangeInfoError, match=r"nowhere\.json: .*No such file"):
        load_exchange_info(tmp_path / "nowhere.json")
    broken = tmp_path / "broken.json"
    broken.write_bytes(payload(symbol(filters=[])))
    with pytest.raises(ExchangeInfoError, match=r"broken\.json: XRPUSDT: no PRICE_FILTER"):
        load_exchange_info(broken)
