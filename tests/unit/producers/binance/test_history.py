"""Binance's trades of the past: what is asked, and what the answers say."""

import json

import pytest

from producers.adapter import HistoryUnavailable, Hole, Newest
from producers.binance.client import Binance
from producers.binance.history import UNREADABLE_S, newest_request, page_params, parse_newest, parse_page
from schemas.units import ONE

HOLE = Hole("XRPUSDT", 10, 15, 1_700_000_000_000_000, 1_700_000_001_000_000)


def row(number: int, **changes: object) -> dict[str, object]:
    return {
        "id": number,
        "price": "0.43180000",
        "qty": "12.00000000",
        "quoteQty": "5.18160000",
        "time": 1_700_000_000_000_000 + number,
        "isBuyerMaker": True,
        "isBestMatch": True,
    } | changes


# the ids of an answer → those of the page, and what it reaches
PAGES = {
    "all and more": ([11, 12, 13, 14, 15, 16], [11, 12, 13, 14], 14),
    "all": ([11, 12, 13, 14], [11, 12, 13, 14], 14),
    "a part": ([11, 12], [11, 12], 12),
    "ids left out": ([12, 14, 15], [12, 14], 14),
    "none of them": ([15, 16], [], 14),
    "nothing yet": ([], [], 10),
    "what is older": ([9, 10], [], 10),
}


@pytest.mark.parametrize(("ids", "found", "reached"), PAGES.values(), ids=PAGES)
def test_page(ids: list[int], found: list[int], reached: int) -> None:
    page = parse_page(json.dumps([row(number) for number in ids]).encode(), HOLE, "binance")
    assert [trade.trade_id for trade in page.trades] == found
    assert page.reached == reached


def test_a_trade() -> None:
    (trade,) = parse_page(json.dumps([row(11)]).encode(), HOLE, "binance").trades
    assert (trade.exchange, trade.symbol, trade.trade_id, trade.buyer_is_maker) == ("binance", "XRPUSDT", 11, True)
    assert (trade.price, trade.quantity) == (43_180_000, 12 * ONE)
    assert trade.trade_time == trade.event_time == 1_700_000_000_000_011
    (trade,) = parse_page(json.dumps([row(11, time=1_700_000_000_123)]).encode(), HOLE, "binance").trades
    assert trade.trade_time == 1_700_000_000_123_000, "milliseconds, where the unit was not heeded"


@pytest.mark.parametrize("raw", [b"", b"{}", b"<html>", json.dumps([{"id": 11}]).encode()])
def test_what_is_no_answer_is_asked_for_again(raw: bytes) -> None:
    with pytest.raises(HistoryUnavailable, match="/api/v3/historicalTrades: ") as refused:
        parse_page(raw, HOLE, "binance")
    assert refused.value.again_s == UNREADABLE_S


@pytest.mark.parametrize(
    "change",
    [{"price": "x"}, {"price": "0"}, {"qty": "0.00000000"}, {"time": -1}, {"price": 1}, {"isBuyerMaker": None}],
)
def test_a_row_that_is_no_trade_costs_no_other(change: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    rows = [row(11), row(12, **change), row(13)]
    page = parse_page(json.dumps(rows).encode(), HOLE, "binance")
    assert ([trade.trade_id for trade in page.trades], page.reached) == ([11, 13], 13)
    assert str(page.unread).startswith("a row cannot be read: ")
    assert "/api/v3/historicalTrades: XRPUSDT: " in caplog.text


def test_what_is_asked() -> None:
    assert page_params(HOLE) == {"symbol": "XRPUSDT", "fromId": 11, "limit": 1_000}
    assert newest_request(["A", "B"]) == ({"type": "MINI", "symbols": '["A","B"]'}, 4)
    assert newest_request(["A"] * 20)[1] == 40
    assert newest_request(["A"] * 21)[1] == 40
    assert newest_request(["A"] * 101) == ({"type": "MINI"}, 80)


def test_newest() -> None:
    raw = b'[{"symbol":"A","lastId":5,"count":1},{"symbol":"B","lastId":-1},{"symbol":"C","lastId":7}]'
    assert parse_newest(raw, ["A", "B", "D"]) == [Newest("A", 5), Newest("B", None)]
    with pytest.raises(HistoryUnavailable, match="Expected `array`"):
        parse_newest(b'{"symbol":"A"}', ["A"])


async def test_without_a_rest_server_there_is_no_past() -> None:
    with pytest.raises(HistoryUnavailable, match="no REST server is known") as refused:
        await Binance("ws://127.0.0.1:1").history(HOLE)
    assert refused.value.again_s is None
