"""Trades of the past, of every exchange: fetched from the local one over REST, they are those that were made."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from producers.adapter import HistoryUnavailable, Hole, Newest, Page
from producers.bitstamp import history as of_bitstamp
from producers.coinbase import history as of_coinbase
from producers.local_exchange.faults import HttpFault
from producers.local_exchange.server import LocalExchange
from producers.local_exchange.simulated import MARKETS_OF
from producers.rows import UNREADABLE_S
from schemas.records import Trade
from tests.unit.producers.feeds import adapter_of, exchange_of, market, until
from tests.unit.producers.test_every_exchange import NAMES, without_orders

SECOND = 1_000_000
COUNT = 15_000


@asynccontextmanager
async def played(name: str, seconds_ago: int = 20) -> AsyncIterator[tuple[LocalExchange, list[Trade]]]:
    """A market that has made `COUNT` trades within some seconds, and those of its first symbol."""
    start = time.time_ns() // 1_000 - seconds_ago * SECOND
    play = market(rate=2_000, count=COUNT, wait=False, speed=None, name=name, start=start)
    async with exchange_of(play, name=name) as exchange:
        await until(exchange.finished.is_set)
        yield exchange, exchange.floor.history[MARKETS_OF[name][0].symbol].newest(COUNT)


def hole(trades: list[Trade], before: int, after: int) -> Hole:
    """The hole between two of the trades."""
    first, last = trades[before], trades[after]
    return Hole(first.symbol, first.trade_id, last.trade_id, first.trade_time, last.trade_time)


async def fetch(adapter: object, asked: Hole) -> tuple[list[Trade], int]:
    """All trades of a hole, and the requests that this took."""
    found: list[Trade] = []
    for pages in range(1, 50):
        page = await adapter.history(asked)  # type: ignore[attr-defined]
        assert all(asked.after_id < trade.trade_id <= page.reached for trade in page.trades)
        assert page.reached > asked.after_id
        found += page.trades
        asked = _after(asked, page.reached)
        if page.reached == asked.before_id - 1:
            return found, pages
    raise AssertionError("no end")


def _after(asked: Hole, reached: int) -> Hole:
    return Hole(asked.symbol, reached, asked.before_id, asked.after_time, asked.before_time)


def as_told(name: str, trades: list[Trade]) -> list[Trade]:
    """Trades as REST tells them: Bitstamp's times are whole seconds there."""
    unit = SECOND if name == "bitstamp" else 1
    return [
        msgspec.structs.replace(trade, trade_time=cut, event_time=cut, received_time=cut)
        for trade in without_orders(trades)
        for cut in [trade.trade_time // unit * unit]
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("before", "after"), [(5, 7), (0, -1), (3, 1_005), (3, 1_004), (3, 1_003)])
async def test_a_hole_is_told_whole_and_nothing_else(name: str, before: int, after: int) -> None:
    async with played(name) as (exchange, trades):
        found, pages = await fetch(adapter_of(exchange, name), hole(trades, before, after))
        assert found == as_told(name, trades[before:after][1:])
        assert pages == sum(exchange.rest.came.values())
        assert pages <= (1 if name == "bitstamp" else len(found) // 1_000 + 1)


@pytest.mark.parametrize("name", ["coinbase", "bitstamp"])
async def test_an_answer_from_a_cache_that_is_behind_is_no_end(name: str) -> None:
    async with played(name) as (exchange, trades):
        adapter, asked = adapter_of(exchange, name), hole(trades, -40, -1)
        exchange.floor.unseen = 100
        page = await adapter.history(asked)
        assert (page.trades, page.reached) == ([], asked.after_id)
        exchange.floor.unseen = 20
        page = await adapter.history(asked)
        assert (len(page.trades), page.reached) == (19, trades[-21].trade_id)
        exchange.floor.unseen = 0
        page = await adapter.history(_after(asked, page.reached))
        assert page.reached == asked.before_id - 1
        assert [trade.trade_id for trade in page.trades] == [trade.trade_id for trade in trades[-20:-1]]


@pytest.mark.parametrize("name", NAMES)
async def test_the_newest_trade_is_told(name: str) -> None:
    async with played(name) as (exchange, trades):
        (found,) = await adapter_of(exchange, name).newest([trades[0].symbol])
        assert (found.symbol, found.trade_id) == (trades[-1].symbol, trades[-1].trade_id)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("fault", "again_s"),
    [
        (HttpFault(429, "7"), 7.0),
        (HttpFault(418, "9"), 9.0),
        (HttpFault(500), 5.0),
        (HttpFault(403, body="not from where you are"), None),
    ],
)
async def test_a_refusal_says_when_to_ask_again(name: str, fault: HttpFault, again_s: float | None) -> None:
    async with played(name) as (exchange, trades):
        exchange.faults.calls.append(fault)
        with pytest.raises(HistoryUnavailable, match=f"HTTP {fault.status}") as refused:
            await adapter_of(exchange, name).history(hole(trades, 5, 9))
        assert refused.value.again_s == again_s
        assert fault.body in str(refused.value)


@pytest.mark.parametrize("name", ["coinbase", "bitstamp"])
async def test_one_symbol_that_is_refused_for_good_hides_no_other(name: str) -> None:
    async with played(name) as (exchange, trades):
        adapter, symbol = adapter_of(exchange, name), trades[0].symbol
        exchange.faults.calls.append(HttpFault(404))
        found = await adapter.newest(["GONE", symbol])
        assert [newest.symbol for newest in found] == [symbol]
        exchange.faults.calls.append(HttpFault(404))
        with pytest.raises(HistoryUnavailable, match="HTTP 404"):
            await adapter.newest(["GONE"])


@pytest.mark.parametrize("parse", [of_coinbase.parse_newest, of_bitstamp.parse_newest])
def test_an_answer_without_trades_is_one(parse: Callable[[bytes, str], Newest]) -> None:
    assert parse(b"[]", "X") == Newest("X", None)


NOW = 1_795_694_671_000_000


@pytest.mark.parametrize(
    ("seconds_ago", "window"),
    [(0, "minute"), (49, "minute"), (51, "hour"), (3_589, "hour"), (3_591, "day"), (86_389, "day"), (86_391, None)],
)
def test_bitstamp_is_asked_for_the_shortest_window_that_reaches_back(seconds_ago: int, window: str | None) -> None:
    asked = Hole("BTCUSD", 1, 9, NOW - seconds_ago * SECOND, NOW)
    if window:
        assert of_bitstamp.window(asked, NOW) == window
        return
    with pytest.raises(HistoryUnavailable, match="a day only") as never:
        of_bitstamp.window(asked, NOW)
    assert never.value.again_s is None


@pytest.mark.parametrize("raw", [b"", b"{}", b"<html>", b'[{"trade_id":1}]', b"[" * 5_000])
def test_what_is_no_answer_is_told_and_asked_for_again(raw: bytes) -> None:
    asked = Hole("X", 1, 9, 0, 0)
    for parse in (of_coinbase.parse_page, of_bitstamp.parse_page):
        with pytest.raises(HistoryUnavailable) as refused:
            parse(raw, asked)
        assert refused.value.again_s == UNREADABLE_S
    for parse_newest in (of_coinbase.parse_newest, of_bitstamp.parse_newest):
        with pytest.raises(HistoryUnavailable):
            parse_newest(raw, "X")


def rows(name: str, *numbers: int) -> list[dict[str, Any]]:
    """An answer of `name` about the trades of these ids, the newest first."""
    of = {
        "coinbase": lambda number: {
            "trade_id": number,
            "side": "buy",
            "size": "1",
            "price": "2",
            "time": "2026-11-26T12:04:31Z",
        },
        "bitstamp": lambda number: {
            "date": str(NOW // SECOND),
            "tid": str(number),
            "price": "2",
            "amount": "1",
            "type": "0",
        },
    }
    return [of[name](number) for number in sorted(numbers, reverse=True)]


@pytest.mark.parametrize("change", [{"price": "x"}, {"price": None}, {"price": "-1"}])
@pytest.mark.parametrize(
    ("name", "parse"), [("coinbase", of_coinbase.parse_page), ("bitstamp", of_bitstamp.parse_page)]
)
def test_a_row_that_is_no_trade_costs_no_other(
    name: str, parse: Callable[[bytes, Hole], Page], change: dict[str, Any]
) -> None:
    answer = rows(name, 3, 5, 8, 9)
    answer[2] |= change
    page = parse(msgspec.json.encode(answer), Hole("X", 1, 9, NOW, NOW))
    assert ([trade.trade_id for trade in page.trades], page.reached) == ([3, 8], 8)
    assert "price" in str(page.unread)


def test_an_id_that_the_exchange_does_not_have_is_passed() -> None:
    rows = [(7, "4"), (5, "3"), (4, "2"), (2, "1")]
    raw = msgspec.json.encode(
        [
            {"trade_id": number, "side": "buy", "size": size, "price": "1", "time": "2026-11-26T12:04:31Z"}
            for number, size in rows
        ]
    )
    page = of_coinbase.parse_page(raw, Hole("X-USD", 2, 7, 0, 0))
    assert ([trade.trade_id for trade in page.trades], page.reached) == ([4, 5], 6)
    assert of_coinbase.parse_newest(raw, "X-USD") == Newest("X-USD", 7, 1_795_694_671_000_000)
