"""The demo's checks find what they are there to find."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from producers.local_exchange.journal import Journal
from schemas.records import Trade
from schemas.units import ONE
from streams.demo.candles import candles_of
from streams.demo.checks import Check, nothing_is_missing
from streams.demo.watched import WatchedExchange
from tests.samples import trade

START = 20_000 * 86_400_000_000


def at(exchange: str, number: int, time: int, price: str = "100", filled: bool = False) -> Trade:
    """A trade so many microseconds after the first day began."""
    made = trade(price, number, quantity="2")
    times = {"trade_time": START + time, "event_time": START + time}
    return msgspec.structs.replace(made, exchange=exchange, symbol="BTC-USD", filled=filled, **times)


def checked(name: str, made: list[Trade], arrived: list[Trade], folder: Path) -> Check:
    journal = Journal(folder / "tape.csv")
    journal.add(made)
    journal.close()
    return nothing_is_missing(arrived, WatchedExchange(name, ("BTC-USD",), 0, folder / "tape.csv", len(made)))


CHANGES: dict[str, tuple[Callable[[list[Trade]], list[Trade]], int]] = {
    "nothing": (lambda trades: trades, 0),
    "another order": (lambda trades: trades[::-1], 0),
    "one is missing": (lambda trades: trades[1:], 1),
    "one is there twice": (lambda trades: [*trades, trades[0]], 1),
    "one has another price": (lambda trades: [msgspec.structs.replace(trades[0], price=1), *trades[1:]], 2),
}


@pytest.mark.parametrize(("change", "found"), CHANGES.values(), ids=CHANGES)
def test_trades_that_are_missing_or_others_are_found(
    change: Callable[[list[Trade]], list[Trade]], found: int, tmp_path: Path
) -> None:
    made = [at("coinbase", number, number * 1_000) for number in range(3)]
    check = checked("coinbase", made, change(made), tmp_path)
    assert (check.found, check.passed) == (found, found == 0)


@pytest.mark.parametrize(
    ("name", "filled", "found"), [("bitstamp", True, 0), ("bitstamp", False, 2), ("coinbase", True, 2)]
)
def test_only_bitstamp_tells_the_second_of_a_filled_trade(name: str, filled: bool, found: int, tmp_path: Path) -> None:
    check = checked(name, [at(name, 1, 1_500_000)], [at(name, 1, 1_000_000, filled=filled)], tmp_path)
    assert check.found == found
    assert f"{int(filled)} of them were missed by the stream and filled" in check.compared


def test_candles_by_polars_hold_numbers_of_any_size_and_count_a_trade_once() -> None:
    minute = 60_000_000
    trades = [at("a", 1, 0), at("a", 2, minute - 1, "90000"), at("a", 2, minute - 1, "90000"), at("a", 3, minute, "1")]
    large = [msgspec.structs.replace(each, quantity=10**17) for each in trades]
    found = candles_of(large)
    (key,) = found
    assert key == ("a", "BTC-USD", 1, START)
    assert found[key] == {
        "open": 100 * ONE,
        "high": 90_000 * ONE,
        "low": 100 * ONE,
        "close": 90_000 * ONE,
        "volume": 2 * 10**17,
        "quote_volume": (100 + 90_000) * 10**17,
        "taker_buy_volume": 10**17,
        "trades": 2,
        "first_trade_id": 1,
        "last_trade_id": 2,
        "complete": True,
    }
    assert candles_of([]) == {}
