"""Settings from the command line: exact values, refusals that name field and value, seeds that keep what is set."""

from typing import Any

import msgspec
import pytest

from schemas.records import Settings, TradingStatus
from schemas.units import ONE, to_units
from streams.cli.errors import BadValue
from streams.cli.instruments.changes import (
    DECIMALS,
    OPTIONS,
    USER_FIELDS,
    as_row,
    changes,
    iso,
    merged,
    never_trades,
    parse_values,
)

NOW = 1_700_000_000_000_001
BASE = Settings(
    exchange="binance",
    symbol="XRPUSDT",
    base_asset="XRP",
    quote_asset="USDT",
    tick_size=10_000,
    min_price=10_000,
    max_price=1_000 * ONE,
    step_size=ONE // 10,
    min_quantity=ONE // 10,
    min_notional=5 * ONE,
    updated_time=7,
)


def with_(**values: Any) -> Settings:
    return msgspec.structs.replace(BASE, **values)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("chunks", "7", 7),
        ("budget", "100", 100 * ONE),
        ("budget", "0.00000001", 1),
        ("budget", "99999999999999999999.99999999", 10**28 - 1),
        ("profit_interval", "-0.0012", -120_000),
        ("profit_interval", "+0.1", 10_000_000),
        ("fee", "0", 0),
    ],
)
def test_values_are_exact(field: str, text: str, value: int) -> None:
    assert parse_values({field: text, "rebuy_interval": None}) == {field: value}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("chunks", "3.5"),
        ("chunks", "many"),
        ("chunks", ""),
        ("budget", "1e3"),
        ("budget", "1,000"),
        ("budget", "NaN"),
        ("budget", "Infinity"),
        ("budget", ".5"),
        ("budget", "1."),
        ("fee", "0.1%"),
        ("fee", "0.123456789"),
        ("fee", "0.0000000000000000000000000000000000000000000000000000000000000000001"),
        ("budget", "1.0000000000000000000000000000000001"),
        ("rebuy_interval", "٣"),
        ("rebuy_interval", "0x1"),
    ],
)
def test_what_is_no_plain_number_is_refused_by_option_and_text(field: str, text: str) -> None:
    with pytest.raises(BadValue) as error:
        parse_values({field: text})
    assert OPTIONS[field] in str(error.value)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"chunks": 0}, ("chunks: 0",)),
        ({"chunks": 1_001}, ("chunks: 1001",)),
        ({"budget": 0}, ("budget: 0",)),
        ({"fee": ONE}, ("fee: 1 ",)),
        ({"buy_down_interval": ONE}, ("buy_down_interval: 1 ",)),
        ({"budget": 24 * ONE}, ("budget: 24 in 5 chunks is 4.8 USDT", "below 5", "MIN_NOTIONAL")),
        ({"chunks": 21}, ("budget: 100 in 21 chunks", "MIN_NOTIONAL")),
    ],
)
def test_what_can_never_be_ordered_is_refused(values: dict[str, int], words: tuple[str, ...]) -> None:
    with pytest.raises(BadValue) as error:
        changes([BASE], values, NOW)
    for word in ("binance:XRPUSDT", *words):
        assert word in str(error.value)


def test_a_budget_below_the_smallest_lot_is_refused() -> None:
    dear = with_(min_price=1_000 * ONE, min_quantity=ONE, min_notional=0)
    assert "LOT_SIZE" in (never_trades(dear) or "")
    assert never_trades(with_(min_price=20 * ONE, min_quantity=ONE, min_notional=0)) is None


def test_one_refusal_changes_nothing_and_the_others_are_counted() -> None:
    other = with_(symbol="ETHUSDT")
    with pytest.raises(BadValue, match=r"binance:XRPUSDT: .*and 1 more"):
        changes([BASE, other], {"budget": ONE}, NOW)
    with pytest.raises(BadValue, match="binance:ETHUSDT"):
        changes([with_(min_notional=0, min_price=0), other], {"budget": ONE}, NOW)


def test_only_what_differs_is_changed_and_stamped() -> None:
    assert changes([BASE], {"chunks": BASE.chunks}, NOW) == []
    (made,) = changes([BASE, with_(chunks=4)], {"chunks": 4}, NOW)
    assert made.after.updated_time == NOW
    assert made.fields() == {"chunks": ("5", "4")}


def test_what_the_filters_refuse_already_can_be_switched_off_but_not_on() -> None:
    poor = with_(budget=10 * ONE, status=TradingStatus.ON)
    (made,) = changes([poor], {"status": TradingStatus.OFF}, NOW)
    assert made.after.status is TradingStatus.OFF
    with pytest.raises(BadValue, match="MIN_NOTIONAL"):
        changes([made.after], {"status": TradingStatus.ON}, NOW)


def test_a_seed_keeps_what_the_user_set_and_takes_the_rest() -> None:
    mine = with_(streaming=True, status=TradingStatus.SHUTDOWN, chunks=9, budget=1, buy_down_interval=2)
    fresh = with_(tick_size=50_000, min_notional=10 * ONE, exchange_status="HALT")
    seeded = merged(mine, fresh, NOW)
    assert {name: getattr(seeded, name) for name in USER_FIELDS} == {n: getattr(mine, n) for n in USER_FIELDS}
    assert (seeded.tick_size, seeded.min_notional, seeded.exchange_status) == (50_000, 10 * ONE, "HALT")
    assert seeded.updated_time == NOW


def test_a_seed_without_news_changes_nothing() -> None:
    mine = with_(chunks=9)
    assert merged(mine, with_(updated_time=0), NOW) is mine
    assert merged(None, BASE, NOW) == with_(updated_time=NOW)


def test_every_field_is_decided_by_the_user_or_by_the_exchange_and_is_shown() -> None:
    row = as_row(BASE)
    assert set(row) == {"instrument", *msgspec.structs.asdict(BASE)}
    assert row["tick_size"] == "0.0001"
    assert row["budget"] == "100"
    for name in DECIMALS:
        assert to_units(row[name], name) == getattr(BASE, name)


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_700_000_000_000_001, "2023-11-14T22:13:20.000001Z"),
    ],
)
def test_times_are_exact_to_the_microsecond(micros: int, text: str) -> None:
    assert iso(micros) == text
