"""Settings from the command line: exact values, refusals that name field and value, seeds that keep what is set."""

from typing import Any

import msgspec
import pytest

from schemas.parameters import BY_FIELD, FIELDS
from schemas.records import FILTERS, Instrument, Settings, Setup, TradingStatus
from schemas.times import iso
from schemas.units import ONE, to_units
from streams.cli.errors import BadValue
from streams.cli.instruments.changes import as_row, changes, never_trades, parse_values, refreshed

NOW = 1_700_000_000_000_001
INSTRUMENT = Instrument(
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
BASE = Setup(INSTRUMENT, Settings(exchange="binance", symbol="XRPUSDT", updated_time=8))
OTHER = Setup(
    msgspec.structs.replace(INSTRUMENT, symbol="ETHUSDT"), msgspec.structs.replace(BASE.settings, symbol="ETHUSDT")
)


def with_(setup: Setup = BASE, **values: Any) -> Setup:
    instrument = {name: value for name, value in values.items() if name in FILTERS}
    settings = {name: value for name, value in values.items() if name not in FILTERS}
    replace = msgspec.structs.replace
    return Setup(replace(setup.instrument, **instrument), replace(setup.settings, **settings))


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
    assert BY_FIELD[field].option in str(error.value)
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
    with pytest.raises(BadValue, match=r"binance:XRPUSDT: .*and 1 more"):
        changes([BASE, OTHER], {"budget": ONE}, NOW)
    with pytest.raises(BadValue, match="binance:ETHUSDT"):
        changes([with_(min_notional=0, min_price=0), OTHER], {"budget": ONE}, NOW)


def test_only_what_differs_is_changed_and_stamped() -> None:
    assert changes([BASE], {"chunks": BASE.settings.chunks}, NOW) == []
    (made,) = changes([BASE, with_(chunks=4)], {"chunks": 4}, NOW)
    assert made.after.updated_time == NOW
    assert made.fields() == {"chunks": ("5", "4")}


def test_what_the_filters_refuse_already_can_be_switched_off_but_not_on() -> None:
    poor = with_(budget=10 * ONE, status=TradingStatus.ON)
    (made,) = changes([poor], {"status": TradingStatus.OFF}, NOW)
    assert made.after.status is TradingStatus.OFF
    with pytest.raises(BadValue, match="MIN_NOTIONAL"):
        changes([poor._replace(settings=made.after)], {"status": TradingStatus.ON}, NOW)


def test_a_seed_takes_what_is_new_or_different_and_stamps_it() -> None:
    """Nothing of it is the user's, so nothing of the user's can be lost."""
    halted = msgspec.structs.replace(INSTRUMENT, updated_time=0, tick_size=50_000, exchange_status="HALT")
    known = {"binance:XRPUSDT": INSTRUMENT}
    stamped = [msgspec.structs.replace(each, updated_time=NOW) for each in (halted, OTHER.instrument)]
    assert refreshed(known, [halted, OTHER.instrument], NOW) == stamped


def test_a_seed_without_news_changes_nothing() -> None:
    assert refreshed({"binance:XRPUSDT": INSTRUMENT}, [msgspec.structs.replace(INSTRUMENT, updated_time=0)], NOW) == []


def test_every_field_of_both_is_shown() -> None:
    row = as_row(BASE)
    both = {*Instrument.__struct_fields__, *Settings.__struct_fields__}
    assert set(row) == {"instrument", "seeded_time", *both} - {"changed", "revision"}
    assert (row["tick_size"], row["budget"], row["chunks"]) == ("0.0001", "100", 5)
    assert (row["updated_time"], row["seeded_time"]) == (iso(8), iso(7))
    for name in FILTERS:
        assert to_units(row[name], name) == getattr(BASE.instrument, name)
    for name in FIELDS:
        assert BY_FIELD[name].parse(str(row[name]), name) == getattr(BASE.settings, name)


def test_what_nobody_has_set_or_seeded_has_no_time() -> None:
    row = as_row(with_(updated_time=0))
    assert row["updated_time"] is None
    fresh = msgspec.structs.replace(INSTRUMENT, updated_time=0)
    assert as_row(BASE._replace(instrument=fresh))["seeded_time"] is None


@pytest.mark.parametrize("status", list(TradingStatus))
def test_who_is_started_is_halted_no_more(status: TradingStatus) -> None:
    halted = BASE._replace(settings=msgspec.structs.replace(BASE.settings, status=TradingStatus.OFF, halted=True))
    made = changes([halted], {"status": status}, NOW)
    assert [each.after.halted for each in made] == (
        [] if status is TradingStatus.OFF else [status is not TradingStatus.ON]
    )
