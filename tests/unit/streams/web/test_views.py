"""What pages show of a board."""

import msgspec
import pytest

from schemas.market_records import Alert
from schemas.records import OrderStatus, TradingStatus
from schemas.watches import ANY, Snooze
from streams.trading import leader
from streams.web.model import board as fold
from streams.web.model.alerts import alerts, count_since
from streams.web.model.board import Board
from streams.web.model.bots import bots, controls, halt_control, state_of
from streams.web.model.cards import bot_profit, card, spark, stale_after_ms, watchlist
from streams.web.model.instrument import candles, instrument_view, newest_candles, orders, settings, tape, traders
from streams.web.model.pipeline import Audit, Behind, Facts, Part, Sink, facts_of, strip
from streams.web.model.search import find
from streams.web.model.views import VIEWS, panels_of
from tests import samples
from tests.samples import units
from tests.unit.streams.web.boards import MINUTE, SECOND, START, known, traded

XRP, BTC, COIN = "binance:XRPUSDT", "binance:BTCUSDT", "coinbase:BTC-USD"
HOSTILE = 'evil:<script>alert("1")</script>'


@pytest.fixture
def board() -> Board:
    made = Board()
    known(made, XRP, "XRP", "USDT", "0.0001", streaming=True)
    known(made, BTC, "BTC", "USDT", status=TradingStatus.OFF)
    known(made, COIN, "BTC", "USD", status=TradingStatus.OFF)
    traded(made, XRP, "0.42", "0.40", "0.44", "0.43")
    traded(made, BTC, "60000", "61000")
    traded(made, COIN, "61061")
    return made


def test_a_card_says_how_the_market_stands(board: Board) -> None:
    shown = card(board, XRP)
    assert shown == {
        "exchange": "binance",
        "base": "XRP",
        "quote": "USDT",
        "known": True,
        "price": "0.4300",
        "change": "2.38",
        "low": "0.4000",
        "high": "0.4400",
        "place": 750,
        "average": shown["average"],
        "time": (START + 3 * SECOND) // 1_000,
        "since": START // 1_000,
        "stale_ms": stale_after_ms(board.markets[XRP].state.average),
        "bot": None,
    }
    # seconds at 0.42, 0.40, 0.44, 0.43: the mean is 0.4225
    assert shown["average"] == "1.78"


def test_a_card_of_what_is_not_known_says_so() -> None:
    assert card(Board(), "binance:NOSUCH") == {
        "exchange": "binance",
        "base": "NOSUCH",
        "quote": "",
        "known": False,
        "price": None,
        "streamed": False,
    }


def test_a_market_is_stale_after_ten_of_its_usual_gaps_and_not_before_half_a_minute() -> None:
    quick, slow = Board(), Board()
    traded(quick, XRP, *["0.42"] * 200, apart=SECOND)
    traded(slow, XRP, *["0.42"] * 4, apart=60 * SECOND)
    assert stale_after_ms(quick.markets[XRP].state.average) == 30_000
    assert stale_after_ms(slow.markets[XRP].state.average) == 750_000


def test_a_spark_line_ends_at_the_last_price_and_spans_its_height(board: Board) -> None:
    traded(board, XRP, "0.41", "0.45", start=START + 5 * MINUTE)
    points = spark(board, XRP)["points"]
    assert points[-1] == 1_000
    assert min(points) == 0


def test_the_list_is_what_the_address_says_or_what_is_watched_or_streamed(board: Board) -> None:
    assert watchlist(board, f"{COIN},{XRP},{COIN},nonsense,:X,a:b:c") == [COIN, XRP]
    assert watchlist(board, "-") == []
    assert watchlist(board, "") == [BTC, XRP, COIN]
    assert watchlist(Board(), "") == []


def test_the_same_coin_is_compared_with_the_first_exchange(board: Board) -> None:
    (panel,) = [each for each in panels_of("market", board, {}) if each.name == "spreads"]
    shown = panel.show(board, START)
    assert shown["exchanges"] == ["binance", "coinbase"]
    assert shown["rows"] == [
        {
            "base": "BTC",
            "cells": [
                {"price": "61000.00", "quote": "USDT", "points": None},
                {"price": "61061.00", "quote": "USD", "points": "10.0"},
            ],
        }
    ]


def running(board: Board) -> leader.LeaderState:
    """A leader with a trader that buys, one that sells and one that a filter refused."""
    state = leader.new_state(XRP, 0)
    state.instrument, state.settings = board.instruments[XRP], board.settings[XRP]
    leader.strategy.make_room(state.leader, 3)
    leader.strategy.set_mode(state.leader, leader.strategy.ON)
    rows = [(1, 1, "0.42", "10"), (2, 2, "0.44", "10"), (3, 3, "0.41", "0")]
    for at, (number, stage, price, quantity) in enumerate(rows):
        state.leader.number[at], state.leader.stage[at] = number, stage
        state.leader.price[at], state.leader.quantity[at] = units(price), units(quantity)
    state.leader.head[leader.strategy.COUNT] = 3
    fold.take_leader(board, XRP, state)
    return state


def test_traders_say_what_they_wait_for_and_why_one_has_no_order(board: Board) -> None:
    running(board)
    shown = traders(board, XRP)
    words = [(trader["number"], trader["waits"], trader["price"], trader["away"]) for trader in shown["traders"]]
    assert words[:2] == [(1, "buys at", "0.4200", "2.33"), (2, "sells at", "0.4400", "2.33")]
    assert words[2][1] == "refused"
    assert "was refused by a filter of the exchange; it waits" in shown["traders"][2]["why_not"]
    assert [trader["why_not"] for trader in shown["traders"][:2]] == [None, None]
    for name, reason in (("3:B", "LOT_SIZE"), ("2:B", "PRICE_FILTER")):
        fold.take_order(board, samples.order(f"{XRP}:{name}", status=OrderStatus.REJECTED, reason=reason))
    assert "was refused by LOT_SIZE; it waits" in traders(board, XRP)["traders"][2]["why_not"]


def test_without_a_trader_it_is_said_why(board: Board) -> None:
    state = leader.new_state(XRP, 0)
    fold.take_leader(board, XRP, state)
    assert traders(board, XRP)["why_not"] == "the exchange has not said what this instrument is: hedgehog settings seed"
    state.instrument = board.instruments[XRP]
    fold.take_settings(board, msgspec.structs.replace(board.settings[XRP], status=TradingStatus.OFF))
    assert traders(board, XRP)["why_not"] == "trading is off"


def test_controls_say_in_numbers_what_will_happen(board: Board) -> None:
    running(board)
    fold.take_order(board, samples.order(f"{XRP}:1:B"))
    fold.take_fill(board, samples.fill(f"{XRP}:2:B", quantity="7", cumulative_quantity="7", order_quantity="7"))
    start, shutdown, stop = controls(board, XRP)
    assert start["reason"] == "trading is on already"
    assert (shutdown["reason"], stop["reason"]) == (None, None)
    assert stop["text"] == "3 traders end, 1 open order is cancelled, 7 XRP stay unsold."
    assert stop["command"] == f"hedgehog trading stop {XRP}"
    assert [each["reason"] for each in controls(board, BTC)][1:] == ["trading is off", "trading is off"]
    assert halt_control(board)["question"] == "Stop all 1 bot?"
    assert halt_control(Board())["reason"] == "nothing is traded"


@pytest.mark.parametrize(
    ("told", "doing", "state"),
    [
        (TradingStatus.ON, leader.strategy.ON, "running"),
        (TradingStatus.ON, leader.strategy.OFF, "starting"),
        (TradingStatus.OFF, leader.strategy.ON, "stopping"),
        (TradingStatus.SHUTDOWN, leader.strategy.ON, "shutting down"),
        (TradingStatus.SHUTDOWN, leader.strategy.SHUTDOWN, "shutting down"),
        (TradingStatus.SHUTDOWN, leader.strategy.OFF, "off"),
        (TradingStatus.OFF, leader.strategy.OFF, "off"),
    ],
)
def test_the_state_is_what_it_does_and_what_it_was_told(
    board: Board, told: TradingStatus, doing: int, state: str
) -> None:
    of_leader = leader.new_state(XRP, 0)
    of_leader.leader.head[0] = doing
    fold.take_leader(board, XRP, of_leader)
    fold.take_settings(board, msgspec.structs.replace(board.settings[XRP], status=told))
    assert state_of(board, XRP) == state


def test_profit_counts_the_unsold_at_the_last_price(board: Board) -> None:
    running(board)
    whole = {"price": "0.40", "quantity": "100", "cumulative_quantity": "100", "order_quantity": "100"}
    fold.take_fill(board, samples.fill(f"{XRP}:1:B", **{**whole, "quantity": "50"}))
    assert bot_profit(board, XRP) == "0.00"  # a report is missing: what the rest cost is not known
    fold.take_fill(board, samples.fill(f"{XRP}:5:B", fill_id="f5", **whole))
    assert bot_profit(board, XRP) == "3.00"
    (row,) = bots(board, START)["bots"]
    assert (row["unrealised"], row["profit"], row["unknown"]) == ("3.00", "0.00", 1)


def test_an_older_snapshot_of_an_order_changes_nothing(board: Board) -> None:
    name = f"{XRP}:1:B"
    fold.take_order(board, samples.order(name, version=5, status=OrderStatus.FILLED))
    before = board.counter
    fold.take_order(board, samples.order(name, version=4))
    fold.take_order(board, samples.order(name, version=5))
    assert board.counter == before
    fold.take_order(board, samples.order(name, version=6, epoch=3, status=OrderStatus.FILLED))
    fold.take_order(board, samples.order(f"{XRP}:2:B", version=9, epoch=2))
    assert [each["name"] for each in orders(board, XRP)["orders"]] == [name]


def test_ended_orders_are_forgotten_before_open_ones(board: Board) -> None:
    for number in range(1, fold.ORDERS_KEPT + 20):
        status = OrderStatus.NEW if number < 5 else OrderStatus.FILLED
        fold.take_order(board, samples.order(f"{XRP}:{number}:B", version=number, status=status, created_time=number))
    kept = board.deals[XRP]
    assert len(kept.orders) == fold.ORDERS_KEPT
    assert len(kept.open_orders) == 4


def test_orders_have_marks_limits_and_reasons(board: Board) -> None:
    buy, sell = f"{XRP}:4:B", f"{XRP}:4:S"
    fold.take_order(board, samples.order(buy, status=OrderStatus.FILLED, price="0.42", created_time=1))
    fold.take_order(board, samples.order(sell, price="0.45", created_time=2))
    refused = {"status": OrderStatus.REJECTED, "reason": "LOT_SIZE", "created_time": 3}
    fold.take_order(board, samples.order(f"{XRP}:5:B", **refused))
    shown = orders(board, XRP)
    words = [(each["short"], each["state"], each["because"]) for each in shown["orders"]]
    assert words == [
        ("5:B", "refused", "refused by LOT_SIZE"),
        ("4:S", "open", "bought 0.4200"),
        ("4:B", "filled", "the first trade its trader saw"),
    ]
    assert [(limit["side"], limit["price"]) for limit in shown["limits"]] == [("sell", "0.4500")]
    assert [mark["text"] for mark in shown["marks"]] == ["4:B"]
    running(board).settings_offset = 0
    assert orders(board, XRP)["orders"][2]["because"] == "1 % below the first trade its trader saw"


def test_alerts_are_listed_once_the_newest_first(board: Board) -> None:
    alert = Alert(
        exchange="binance",
        symbol="XRPUSDT",
        alert_id="a",
        kind="off-average",
        direction="up",
        price=units("0.43"),
        reference=units("0.42"),
        threshold=units("0.02"),
        value=units("0.021"),
        held_back=14,
        settings_offset=-1,
        event_time=START,
    )
    fold.take_alert(board, alert)
    fold.take_alert(board, alert)
    fold.take_order(board, samples.order(f"{XRP}:5:B", status=OrderStatus.REJECTED, reason="LOT_SIZE"))
    newest, oldest = alerts(board, 10, START)["alerts"]
    assert newest["title"] == "2.10 % above its 5 min average"
    assert (newest["text"], newest["held_back"]) == ("0.4300 against 0.4200", 14)
    assert oldest["title"] == "BUY refused by LOT_SIZE"
    assert count_since(board, START, START) == 1
    assert alerts(board, 1, START)["total"] == 2
    for number in range(fold.EVENTS_KEPT):
        fold.take_alert(
            board, msgspec.structs.replace(alert, alert_id=f"later {number}", event_time=START + 1 + number)
        )
    assert len(board.events) == fold.EVENTS_KEPT
    assert "a" not in board.events, "the oldest are forgotten"


def test_a_snooze_hides_nothing_and_offers_its_end(board: Board) -> None:
    fold.take_order(board, samples.order(f"{XRP}:5:B", status=OrderStatus.REJECTED, reason="LOT_SIZE"))
    awake = alerts(board, 10, START)
    assert (awake["snoozed"], awake["snooze"]["for"], awake["snooze"]["label"]) == ([], "1h", "Snooze 1 h")
    assert "hedgehog notify never ran" in awake["snooze"]["text"]
    facts_of(board).notifier = (0, 1)
    until = START + 60 * MINUTE
    fold.take_snooze(board, Snooze(exchange=ANY, symbol=ANY, until=until, updated_time=START))
    of_one = Snooze(exchange="binance", symbol="XRPUSDT", until=until + MINUTE, updated_time=START)
    fold.take_snooze(board, of_one)
    asleep = alerts(board, 10, until - 1)
    assert asleep["alerts"] == awake["alerts"]
    assert asleep["snoozed"] == [{"key": "", "until": until // 1_000}, {"key": XRP, "until": (until + MINUTE) // 1_000}]
    assert asleep["snooze"]["command"] == "hedgehog watch snooze off"
    assert "never ran" not in asleep["snooze"]["text"]
    assert count_since(board, 0, until - 1) == 0
    assert count_since(board, 0, until) == 1
    assert alerts(board, 10, until)["snooze"]["for"] == "1h"


def test_candles_are_those_of_the_minutes(board: Board) -> None:
    traded(board, XRP, "0.50", "0.40", start=START + 7 * MINUTE)
    shown = candles(board, XRP, 5)
    assert [(each["open"], each["high"], each["low"], each["close"]) for each in shown] == [
        ("0.4200", "0.4400", "0.4000", "0.4300"),
        ("0.5000", "0.5000", "0.4000", "0.4000"),
    ]
    assert newest_candles(board, XRP, 5)["candles"] == shown
    assert newest_candles(board, "binance:NONE", 5) == {"candles": [], "amended": 0}


def test_a_late_trade_amends_a_candle_and_says_so(board: Board) -> None:
    traded(board, XRP, "0.43", start=START + 10 * MINUTE)
    before = newest_candles(board, XRP, 1)["amended"]
    traded(board, XRP, "0.99", start=START + 30 * SECOND)
    assert newest_candles(board, XRP, 1)["amended"] > before
    assert candles(board, XRP, 1)[0]["high"] == "0.9900"


def test_the_tape_shows_the_newest_first(board: Board) -> None:
    assert [trade["price"] for trade in tape(board, XRP)["trades"]] == ["0.4300", "0.4400", "0.4000", "0.4200"]


def test_the_form_has_the_parameters_of_the_strategy(board: Board) -> None:
    shown = settings(board, XRP)
    assert {field["field"]: field["value"] for field in shown["fields"]}["buy_down_interval"] == "0.01"
    assert settings(board, "binance:NONE")["known"] is False


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("xrp", [XRP]),
        ("btc", [BTC, COIN]),
        ("coin btc", [COIN]),
        ("BTC/USD", [BTC, COIN]),
        ("coinbase:btcusd", [COIN]),
        ("nothing", []),
        ("", []),
        ("<script>", []),
    ],
)
def test_search_finds_by_words_in_any_order(board: Board, typed: str, keys: list[str]) -> None:
    assert sorted(row["key"] for row in find(board, typed)["found"]) == sorted(keys)


def test_every_view_shows_an_empty_board_and_a_hostile_name(board: Board) -> None:
    traded(board, HOSTILE, "1")
    for view in VIEWS:
        for known_board in (Board(), board):
            for panel in panels_of(view, known_board, {"instrument": HOSTILE, "keys": HOSTILE, "interval": "x"}):
                msgspec.json.encode(panel.show(known_board, START))


def test_names_of_panels_are_unique_in_every_view(board: Board) -> None:
    for view in VIEWS:
        names = [panel.name for panel in panels_of(view, board, {"instrument": XRP})]
        assert len(names) == len(set(names))
    assert {panel.name for panel in instrument_view(board, {"instrument": XRP})} >= {f"head {XRP}", f"candle {XRP} 5"}


def states(facts: Facts, board: Board | None = None) -> dict[str, str]:
    made = board or Board()
    made.facts["pipeline"] = facts
    return {node["id"]: node["state"] for node in strip(made, START)["nodes"]}


def test_the_strip_turns_amber_when_behind_and_red_when_down(board: Board) -> None:
    now_ms = START // 1_000
    fine = Facts(feeds={"binance": (5_000, now_ms)}, members=1, behind=[Behind("workers", "trades", 5, 900)])
    assert states(fine, board)["feeds"] == "ok"
    assert states(fine)["workers"] == "ok"
    late = Facts(members=1, behind=[Behind("workers", "trades", 5_000, 3_001)])
    assert states(late)["workers"] == "warn"
    assert states(Facts(members=0))["workers"] == "bad"
    silent = Facts(feeds={"binance": (0, now_ms - 31_000)})
    assert states(silent, board)["feeds"] == "bad"
    sink = Facts(sinks=[Sink("trades-sink", "RUNNING", ["FAILED"], "no table")])
    assert states(sink)["Connect"] == "bad"
    down = Facts(parts={"broker": Part("broker", False, "refused")})
    assert set(states(down).values()) <= {"bad", "off"}
    assert states(Facts(letters=2))["dead letters"] == "warn"


def test_a_sink_may_be_behind_by_as_long_as_it_does_not_commit() -> None:
    assert states(Facts(behind=[Behind("connect-trades", "trades", 9, 5_000)]))["Connect"] == "ok"
    assert states(Facts(behind=[Behind("connect-trades", "trades", 9, 8_001)]))["Connect"] == "warn"


def test_what_does_not_answer_is_told_with_what_it_means() -> None:
    made = Board()
    made.facts["pipeline"] = Facts(parts={"postgres": Part("postgres", False, "refused")}, audit=Audit(orders=3))
    shown = strip(made, START)
    assert shown["trouble"] == [
        "Postgres does not answer: orders and candles from before cannot be shown; trading goes on."
    ]
    assert shown["audit"]["orders"] == 3
