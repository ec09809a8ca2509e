"""What the guard halts for: silence of the feed, of the workers, losses and too much of everything."""

from typing import Any

import msgspec
import pytest

from schemas.records import OrderStatus, TradingStatus
from schemas.units import ONE
from streams.guard import judge
from streams.guard.judge import MINUTE, SECOND, Limits, Progress, Watch
from streams.trading import leader
from streams.trading.account import Account, Lot
from streams.trading.leader import LeaderState
from tests.samples import instrument, order, settings, units

XRP, ETH, BTC = "binance:XRPUSDT", "binance:ETHUSDT", "coinbase:BTC-USD"
ON, OFF, SHUTDOWN = TradingStatus.ON, TradingStatus.OFF, TradingStatus.SHUTDOWN
WATCHED = Limits(stale=10 * SECOND, heartbeat=5 * SECOND)
NOTHING = Limits(stale=0, heartbeat=0)


def watching(**statuses: TradingStatus) -> Watch:
    """A guard that begins at 0 and knows these settings: XRP=ON."""
    watch = Watch(0)
    for name, status in statuses.items():
        judge.take_settings(watch, settings({"XRP": XRP, "ETH": ETH, "BTC": BTC}[name], status=status), 0)
    return watch


def leading(
    key: str,
    realised: str = "0",
    quantity: str = "0",
    cost: str = "0",
    quote: str = "USDT",
    buys: tuple[str, ...] = (),
) -> LeaderState:
    """A leader that has earned and holds so much, and buys 1 at each of these prices."""
    state = leader.new_state(key, 0)
    state.instrument = instrument(key, quote_asset=quote)
    state.account = Account(lots={1: Lot(units(quantity), units(cost) * ONE)}, realised=units(realised) * ONE)
    state.orders = {number: order(price=price, quantity="1") for number, price in enumerate(buys, 1)}
    return state


def said(watch: Watch, limits: Limits, now: int) -> list[tuple[str, set[str] | None]]:
    """The verdicts at a time in seconds."""
    found = judge.verdicts(watch, limits, now * SECOND)
    return [(each.reason, None if each.instruments is None else set(each.instruments)) for each in found]


def test_an_instrument_is_halted_once_its_prices_are_stale() -> None:
    watch = watching(XRP=ON, ETH=SHUTDOWN, BTC=OFF)
    for second in (4, 9):
        judge.take_price(watch, ETH, 1, second * SECOND)
        judge.take_price(watch, BTC, 1, second * SECOND)
    limits = WATCHED._replace(heartbeat=0)
    assert said(watch, limits, 10) == []
    assert said(watch, limits, 11) == [("stale", {XRP})]
    assert said(watch, limits, 20) == [("stale", {XRP, ETH})]
    assert said(watch, NOTHING, 20) == []


def test_what_is_switched_on_has_time_for_its_first_trade() -> None:
    watch = watching(XRP=OFF)
    judge.take_settings(watch, settings(XRP, status=ON), 50 * SECOND)
    limits = WATCHED._replace(heartbeat=0)
    assert said(watch, limits, 60) == []
    judge.take_settings(watch, settings(XRP, status=ON, chunks=2), 58 * SECOND)  # it was on: no new time
    assert said(watch, limits, 61) == [("stale", {XRP})]
    judge.take_settings(watch, settings(XRP, status=OFF), 61 * SECOND)
    assert said(watch, limits, 99) == []


def test_a_record_of_settings_that_does_not_change_the_status_switches_nothing_off() -> None:
    watch = watching(XRP=ON)
    changed = settings(XRP, status=OFF, chunks=7, changed="chunks", revision=1)
    judge.take_settings(watch, changed, SECOND)
    assert watch.traded == [XRP]


@pytest.mark.parametrize(
    ("seen", "halted"),
    [
        ([Progress(1, 10, 5), Progress(1, 10, 5)], True),  # it stands still
        ([Progress(1, 10, 5), Progress(1, 11, 500)], False),  # it goes on, however far behind
        ([Progress(1, 10, 0), Progress(1, 10, 0)], False),  # there is nothing to do
        ([Progress(1, 10, 0), Progress(0, 10, 0)], True),  # nobody is there
        ([Progress(1, 10, 0), Progress(0, 11, 0)], True),
        ([Progress(0, 0, 0), Progress(1, 1, 0)], False),
    ],
)
def test_all_is_halted_once_no_worker_goes_on(seen: list[Progress], halted: bool) -> None:
    watch = watching(XRP=ON)
    for second, progress in zip((3, 8), seen, strict=True):
        judge.take_progress(watch, progress, second * SECOND)
    assert said(watch, WATCHED, 9) == ([("heartbeat", None)] if halted else [])


def test_a_worker_that_was_never_there_is_missed_too() -> None:
    assert said(watching(XRP=ON), WATCHED, 5) == []
    assert said(watching(XRP=ON), WATCHED, 6) == [("heartbeat", None)]
    assert said(watching(XRP=OFF), WATCHED, 6) == []


def test_the_loss_of_an_instrument_halts_it_by_its_own_limit() -> None:
    watch = watching(XRP=ON, ETH=ON)
    limited = settings(XRP, status=ON, loss_limit="5")
    judge.take_settings(watch, limited, 0)
    for key in (XRP, ETH):
        judge.take_leader(watch, key, leading(key, realised="100"))
    judge.begin_day(watch, 1)
    for key in (XRP, ETH):
        judge.take_leader(watch, key, leading(key, realised="97", quantity="2", cost="20"))
    assert said(watch, NOTHING, 1) == []  # 3 lost; what is held has no price yet
    judge.take_price(watch, XRP, units("9"), SECOND)
    assert said(watch, NOTHING, 1) == []  # and 2 of what is held
    judge.take_price(watch, XRP, units("8.9999"), SECOND)
    assert said(watch, NOTHING, 1) == [("loss", {XRP})]
    judge.take_price(watch, XRP, units("99"), SECOND)
    assert said(watch, NOTHING, 1) == []  # what would gain counts for nothing: 3 lost
    assert judge.lost(watch, XRP) == 3 * ONE * ONE


def test_a_day_begins_at_nothing_lost_and_a_restart_knows_how_it_began() -> None:
    watch = watching(XRP=ON)
    judge.take_leader(watch, XRP, leading(XRP, realised="-4"))
    assert judge.lost(watch, XRP) == 0
    judge.begin_day(watch, 1, {XRP: units("6") * ONE})
    assert judge.lost(watch, XRP) == 10 * ONE * ONE
    judge.begin_day(watch, 2)
    assert judge.lost(watch, XRP) == 0


def test_totals_are_of_each_quote_asset_by_itself() -> None:
    watch = watching(XRP=ON, ETH=ON, BTC=ON)
    for key, quote in ((XRP, "USDT"), (ETH, "USDT"), (BTC, "USD")):
        judge.take_leader(watch, key, leading(key, quote=quote))
    judge.begin_day(watch, 1)
    for key, quote in ((XRP, "USDT"), (ETH, "USDT"), (BTC, "USD")):
        judge.take_leader(watch, key, leading(key, realised="-3", quantity="1", cost="50", quote=quote, buys=("30",)))
    whole = units("1") * ONE
    assert said(watch, NOTHING._replace(loss=6 * whole), 1) == []
    assert said(watch, NOTHING._replace(loss=6 * whole - 1), 1) == [("loss", None)]
    assert said(watch, NOTHING._replace(notional=160 * whole), 1) == []
    assert said(watch, NOTHING._replace(notional=160 * whole - 1), 1) == [("notional", None)]
    assert said(watch, NOTHING._replace(orders=3), 1) == []
    assert said(watch, NOTHING._replace(orders=2), 1) == [("orders", None)]


def test_an_order_that_waits_for_its_cancellation_is_open_still() -> None:
    watch, state = watching(XRP=ON), leading(XRP)
    state.closing = {"x": order(price="30", quantity="2", executed_quantity="1", status=OrderStatus.PARTIALLY_FILLED)}
    judge.take_leader(watch, XRP, state)
    assert (watch.standings[XRP].orders, watch.standings[XRP].notional) == (1, units("30") * ONE)


def test_too_many_orders_within_any_minute_halt_all() -> None:
    watch = watching(XRP=ON)
    for second in (50, 55, 70):
        judge.take_order(watch, second * SECOND)
    limits = NOTHING._replace(minute=2)
    assert said(watch, limits, 70) == [("minute", None)]
    assert said(watch, limits, 109) == [("minute", None)]
    assert said(watch, limits, 110) == []
    assert list(watch.placed) == [55 * SECOND, 70 * SECOND]
    assert MINUTE == 60 * SECOND


def test_nothing_is_halted_where_nothing_is_traded() -> None:
    watch = watching(XRP=OFF)
    judge.take_leader(watch, XRP, leading(XRP))
    judge.begin_day(watch, 1)
    judge.take_leader(watch, XRP, leading(XRP, realised="-300", buys=("1", "1")))
    assert said(watch, Limits(1, 1, 1, 1, 1, 1), 99) == []


def test_a_verdict_says_what_and_how_much() -> None:
    watch = watching(XRP=ON)
    judge.take_leader(watch, XRP, leading(XRP))
    judge.take_leader(watch, XRP, leading(XRP, realised="-3.5"))
    texts: Any = [
        each.text for each in judge.verdicts(watch, Limits(10 * SECOND, SECOND, loss=3 * ONE * ONE), 11 * SECOND)
    ]
    assert texts == [
        "no worker is there for 11 s",
        "no trade for more than 10 s",
        "a loss of 3.5 USDT in all, limit 3",
    ]
    judge.take_progress(watch, Progress(2, 5, 9), 11 * SECOND)
    judge.take_progress(watch, Progress(2, 5, 9), 12 * SECOND)
    (heartbeat, *_) = judge.verdicts(watch, WATCHED._replace(stale=0), 17 * SECOND)
    assert heartbeat.text == "2 workers stand still for 6 s"
    assert msgspec.json.encode(heartbeat.reason) == b'"heartbeat"'
