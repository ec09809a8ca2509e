"""Watches as they are typed: values, what changes, what is shown."""

from typing import Any

import msgspec
import pytest

from schemas.records import Settings, Setup
from schemas.units import ONE
from schemas.watches import AlertKind, Watch
from streams.cli.errors import BadValue
from streams.cli.watch.changes import as_row, changed, not_watching, parse_wishes, watching
from streams.cli.watch.options import Wishes
from tests.samples import instrument


def setup(key: str, base: str, quote: str) -> Setup:
    exchange, symbol = key.split(":")
    facts = msgspec.structs.replace(instrument(), exchange=exchange, symbol=symbol, base_asset=base, quote_asset=quote)
    return Setup(facts, Settings(exchange=exchange, symbol=symbol))


A, B, C, TETHER, ALONE = "a:BTC-USD", "b:BTCUSD", "c:XBTUSD", "a:BTC-USDT", "a:LTC-USD"
SETUPS = {
    A: setup(A, "BTC", "USD"),
    B: setup(B, "BTC", "USD"),
    C: setup(C, "btc", "usd"),
    TETHER: setup(TETHER, "BTC", "USDT"),
    ALONE: setup(ALONE, "LTC", "USD"),
}


def kept(key: str, watched: bool, pair: str) -> Watch:
    exchange, symbol = key.split(":")
    return Watch(exchange=exchange, symbol=symbol, watched=watched, pair=pair)


# Each: what is known, what is watched with which values, and what is written.
WATCHING: list[tuple[list[Watch], list[str], dict[str, Any], dict[str, dict[str, Any]]]] = [
    ([], [ALONE], {}, {ALONE: {"watched": True}}),
    ([], [TETHER], {"apart": 5}, {TETHER: {"watched": True, "apart": 5}}),
    ([], [A], {}, {A: {"watched": True, "pair": "BTC/USD"}, B: {"pair": "BTC/USD"}, C: {"pair": "BTC/USD"}}),
    ([kept(B, True, "X/Y")], [A], {}, {A: {"watched": True, "pair": "BTC/USD"}, C: {"pair": "BTC/USD"}}),
    ([kept(A, True, "X/Y"), kept(C, False, "BTC/USD")], [A], {}, {A: {"watched": True}, B: {"pair": "BTC/USD"}}),
    ([], [TETHER], {"pair": "BTC/USD"}, {TETHER: {"watched": True, "pair": "BTC/USD"}}),
    (
        [kept(B, False, "BTC/USD"), kept(C, False, "BTC/USD")],
        [A],
        {"pair": ""},
        {A: {"watched": True, "pair": ""}},
    ),
]


@pytest.mark.parametrize(("known", "keys", "values", "expected"), WATCHING)
def test_what_is_watched_is_compared_with_other_exchanges(
    known: list[Watch], keys: list[str], values: dict[str, Any], expected: dict[str, dict[str, Any]]
) -> None:
    assert watching({watch.instrument: watch for watch in known}, SETUPS, keys, values) == expected


# Each: what is known, what is watched no more, and what is written.
NOT_WATCHING: list[tuple[list[Watch], list[str], dict[str, dict[str, Any]]]] = [
    ([], [A], {A: {"watched": False}}),
    ([kept(A, True, ""), kept(B, False, "")], [A], {A: {"watched": False}}),
    ([kept(A, True, "BTC/USD"), kept(B, True, "BTC/USD")], [A], {A: {"watched": False}}),
    (
        [kept(A, True, "BTC/USD"), kept(B, False, "BTC/USD"), kept(ALONE, False, "LTC/USD")],
        [A],
        {A: {"watched": False, "pair": ""}, B: {"pair": ""}},
    ),
]


@pytest.mark.parametrize(("known", "keys", "expected"), NOT_WATCHING)
def test_a_pair_that_nobody_watches_is_not_compared(
    known: list[Watch], keys: list[str], expected: dict[str, dict[str, Any]]
) -> None:
    assert not_watching({watch.instrument: watch for watch in known}, keys) == expected


XRP = "binance:XRPUSDT"
WATCH = Watch(exchange="binance", symbol="XRPUSDT", revision=3)


def test_values_are_parsed() -> None:
    wishes = Wishes("0.015", "0.005", "btc/usd", "9m", "1h", "5", "0s", "off-average, order-filled")
    assert parse_wishes(wishes) == {
        "deviation": 15 * ONE // 1_000,
        "apart": ONE // 200,
        "pair": "BTC/USD",
        "cooldown": 540,
        "coverage": 3_600,
        "digest_minutes": 5,
        "silence": 0,
        "kinds": "off-average,order-filled",
    }
    assert parse_wishes(Wishes(kinds="all")) == {"kinds": ",".join(AlertKind)}
    assert parse_wishes(Wishes(pair="none")) == {"pair": ""}
    assert parse_wishes(Wishes()) == {}


def test_only_what_differs_changes() -> None:
    other = "binance:ETHUSDT"
    made = changed({XRP: WATCH}, [XRP, other], {"watched": True, "cooldown": 300}, 7)
    # the one is so already, the other is watched by nobody yet
    ((before, after),) = made
    assert (before.instrument, before.watched, after.watched, after.updated_time) == (other, False, True, 7)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"deviation": ONE}, "binance:XRPUSDT: deviation: 1 is not between"),
        ({"kinds": "x"}, "binance:XRPUSDT: kinds: 'x' is none of"),
    ],
)
def test_what_may_not_be_is_named_and_nothing_is_written(values: dict[str, int], words: str) -> None:
    with pytest.raises(BadValue) as error:
        changed({XRP: WATCH}, [XRP], values, 7)
    assert str(error.value).startswith(words)


def test_a_row() -> None:
    assert as_row(WATCH) == {
        "instrument": XRP,
        "watched": True,
        "deviation": "0.02",
        "apart": "0.01",
        "pair": "",
        "cooldown": "5m",
        "coverage": "1d",
        "digest_minutes": 1,
        "silence": "15m",
        "kinds": "all",
    }
