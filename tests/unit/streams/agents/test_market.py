"""The market agent under a real keeper: what it sends, what it stores, and what comes back after a crash."""

from collections.abc import Collection
from typing import Any

import msgspec
import pytest

from schemas.market_records import Alert, Candle, Digest, Quote
from schemas.records import Record, Trade
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX, VOLUME_MAX
from schemas.watches import Watch
from streams.agents.market import MARKET
from streams.market.buckets import MarketTrade
from streams.market.rules import WatchRules
from streams.market.step import apply_trades
from tests.samples import trade
from tests.unit.streams.agents.acting import Acting
from tests.unit.streams.delivery.played import CHANGELOG, KEY
from tests.unit.streams.market.tape import columns

MINUTE = 60_000_000
START = 20_000 * 1_440 * MINUTE


def at(minutes: float, price: str, number: int, quantity: str = "1") -> Trade:
    """A trade so many minutes after the first day began."""
    return msgspec.structs.replace(trade(price, number, quantity=quantity), trade_time=START + int(minutes * MINUTE))


async def test_it_sends_candles_and_digests_once_they_are_stored() -> None:
    acting = Acting(MARKET)
    await acting.take(0, at(0, "1", 1), at(0.5, "3", 2), at(1, "2", 3))
    assert acting.sent() == []
    await acting.keeper.drain()
    candle, digest = (each for each in acting.sent() if not isinstance(each, Alert))
    assert isinstance(candle, Candle)
    assert isinstance(digest, Digest)
    assert (candle.instrument, candle.interval, candle.open_time) == ("binance:XRPUSDT", 1, START)
    assert (candle.open, candle.high, candle.low, candle.close) == (ONE, 3 * ONE, ONE, 3 * ONE)
    assert (candle.volume, candle.quote_volume, candle.trades) == (2 * ONE, 4 * ONE, 2)
    assert (candle.first_trade_id, candle.last_trade_id) == (1, 2)
    assert (digest.time, digest.price, digest.open, digest.trades) == (START + MINUTE, 3 * ONE, ONE, 2)


async def test_a_spike_of_one_trade_alerts_once() -> None:
    acting = Acting(MARKET)
    await acting.take(0, at(0, "100", 1), *(at(0.1 + i / 60, "100", 2 + i) for i in range(20)))
    await acting.take(21, at(0.5, "103", 22), at(0.5, "100", 23), at(0.6, "103", 24))
    await acting.keeper.drain()
    (alert,) = acting.sent()
    assert isinstance(alert, Alert)
    assert alert.alert_id == "binance:XRPUSDT:off-average:up:21"
    assert (alert.price, alert.threshold, alert.settings_offset) == (103 * ONE, 2_000_000, -1)


@pytest.mark.parametrize("stored_before", [1, 3, 4])
async def test_a_worker_that_was_killed_counts_each_trade_once(stored_before: int) -> None:
    trades = [at(0, "1", 1), at(0.5, "3", 2), at(16, "2", 3), at(16.9, "5", 4), at(31, "1", 5)]
    whole = Acting(MARKET)
    await whole.take(0, *trades)
    await whole.keeper.drain()

    killed = Acting(MARKET)
    await killed.take(0, *trades[:stored_before])
    await killed.keeper.drain()
    await killed.take(stored_before, trades[stored_before])  # never stored
    again = killed.restarted()
    await again.take(0, *trades)
    await again.keeper.drain()

    sent = {each for each in [*killed.sent(), *again.sent()] if isinstance(each, Candle)}
    assert sent == {each for each in whole.sent() if isinstance(each, Candle)}
    stored = {key: value for key, value in again.table.data.items() if key != KEY}
    assert {name for key in stored if (name := key.partition(b"#")[2]).startswith(b"m")} == {b"m168", b"m171"}


async def test_the_largest_trades_there_are_make_the_largest_candle_that_the_wire_holds() -> None:
    acting = Acting(MARKET)
    largest = [msgspec.structs.replace(at(0, "1", i), price=PRICE_MAX, quantity=AMOUNT_MAX) for i in range(3)]
    await acting.take(0, *largest, at(1, "1", 3))
    await acting.keeper.drain()
    candle = next(each for each in acting.sent() if isinstance(each, Candle))
    assert (candle.volume, candle.quote_volume, candle.high) == (3 * AMOUNT_MAX, VOLUME_MAX, PRICE_MAX)


async def test_what_is_no_trade_makes_no_state() -> None:
    acting = Acting(MARKET)
    await acting.take(0, at(0, "1", 1))
    await acting.keeper.drain()
    assert [sent.key for sent in acting.app.producer.log if sent.topic == CHANGELOG] == [KEY]


async def test_what_a_frozen_worker_stores_late_counts_for_nothing() -> None:
    """Worker one has applied offset 5, a late trade, when it freezes; two has taken over and has stored offset 4."""
    trades = [at(0, "1", 1), at(0.5, "3", 3), at(7, "2", 4), at(8, "5", 5), at(16, "4", 6), at(0.2, "9", 2)]
    end = [at(17, "4", 7), at(1_500, "4", 8)]
    whole = Acting(MARKET)
    await whole.take(0, *trades, *end)
    await whole.keeper.drain()

    one = Acting(MARKET)
    await one.take(0, *trades[:4])
    await one.keeper.drain()
    two = one.restarted()
    log = one.app.producer.log
    written = len(log)
    await one.take(4, *trades[4:])
    await one.keeper.drain()
    late = [sent for sent in log[written:] if sent.topic == CHANGELOG]
    assert {sent.key.partition(b"#")[2] for sent in late} >= {b"", b"m168"}

    two.app.joined(2)
    two.app.producer.log += log[:written]
    await two.take(4, trades[4])
    await two.keeper.drain()
    two.app.producer.log += late
    three = two.restarted()
    three.app.joined(3)
    await three.take(5, trades[5], *end)
    await three.keeper.drain()
    assert newest(three.sent()) == newest(whole.sent(), newest(three.sent()).keys())
    assert parts(three) == parts(whole)


def newest(records: list[Record], among: Collection[tuple[int, int]] | None = None) -> dict[tuple[int, int], Candle]:
    """By interval and open time, the candle of the highest revision."""
    candles = sorted((each for each in records if isinstance(each, Candle)), key=lambda candle: candle.revision)
    found = {(candle.interval, candle.open_time): candle for candle in candles}
    return {key: candle for key, candle in found.items() if among is None or key in among}


def parts(acting: Acting) -> dict[bytes, Any]:
    """What is stored of the minutes, as a worker takes it in."""
    codec = MARKET.state_codec()
    history = codec.decode(KEY, acting.table.data[KEY], acting.table.data.get).state.market.history
    kept = history.ring.start != 2**63 - 1
    return {"ring": [column[kept].tolist() for column in history.ring], "open": history.open, "gone": history.departed}


async def test_all_parts_are_stored_again_where_somebody_else_has_written() -> None:
    acting = Acting(MARKET)
    await acting.take(0, at(0, "1", 1), at(7, "2", 2), at(8, "5", 3))
    await acting.keeper.drain()
    acting.app.producer.append(CHANGELOG, KEY + b"#m168", b'{"version":2,"part":["pack",0,0,[]]}', 3)
    written = len(acting.app.producer.log)
    await acting.take(3, at(8, "5", 4))
    await acting.keeper.drain()
    await acting.keeper.drain()
    again = [sent.key.partition(b"#")[2] for sent in acting.app.producer.log[written:] if sent.topic == CHANGELOG]
    assert {b"m168", b"m169"} <= set(again)
    assert again.count(b"") == 2


async def test_a_topic_of_trades_that_was_made_anew_is_read_from_its_start() -> None:
    acting = Acting(MARKET)
    await acting.take(7, at(0, "1", 1), at(0.5, "3", 2))
    await acting.keeper.drain()
    state = MARKET.state_codec().decode(KEY, acting.table.data[KEY], acting.table.data.get).state
    MARKET.begin_anew(state, "trades", "another")
    assert (state.market.offset, state.changed) == (-1, True)
    made = apply_trades(state.market, columns([MarketTrade(0, 1, 1, 2, START, False)]), WatchRules())
    assert (state.market.offset, state.market.repeats, made.candles) == (0, 1, [])


WATCH = Watch(exchange="binance", symbol="XRPUSDT", deviation=ONE // 10, revision=1)


def quiet_then(*prices: str) -> list[Trade]:
    """Half a minute at 100, then these prices, each followed by 100 again."""
    told = [*["100"] * 30, *(price for each in prices for price in (each, "100"))]
    return [at(i / 60, price, i) for i, price in enumerate(told)]


async def test_a_watch_sets_the_thresholds_and_the_alert_says_which() -> None:
    acting = Acting(MARKET)
    await acting.take(7, WATCH)
    await acting.take(0, *quiet_then("105", "111"))
    await acting.keeper.drain()
    (alert,) = (each for each in acting.sent() if isinstance(each, Alert))
    assert (alert.price, alert.threshold, alert.settings_offset) == (111 * ONE, ONE // 10, 7)


async def test_a_watch_holds_over_a_restart_before_and_after_there_are_trades() -> None:
    first = Acting(MARKET)
    await first.take(7, WATCH)
    await first.keeper.drain()
    trades = quiet_then("105", "111")
    second = first.restarted()
    await second.take(0, *trades[:32])
    await second.keeper.drain()
    third = second.restarted()
    await third.take(32, *trades[32:])
    # changed while it runs: only what the record changes
    await third.take(8, msgspec.structs.replace(WATCH, cooldown=0, deviation=1, changed="cooldown", revision=2))
    await third.keeper.drain()
    alerts = [each for acting in (first, second, third) for each in acting.sent() if isinstance(each, Alert)]
    assert [(each.price, each.settings_offset) for each in alerts] == [(111 * ONE, 7)]
    later = third.restarted()
    await later.take(34, at(2, "111", 90), at(2.1, "100", 91), at(2.2, "112", 92))
    await later.keeper.drain()
    # what was not known to be sent is sent again when a state is loaded
    told = [each for each in later.sent() if isinstance(each, Alert) and each not in alerts]
    assert [(each.price, each.threshold, each.settings_offset) for each in told] == [
        (111 * ONE, ONE // 10, 8),
        (112 * ONE, ONE // 10, 8),
    ]


async def test_what_is_not_wanted_is_not_made() -> None:
    acting = Acting(MARKET)
    await acting.take(7, msgspec.structs.replace(WATCH, kinds="day-range", digest_minutes=0))
    await acting.take(0, *quiet_then("111"), at(3, "100", 99))
    await acting.keeper.drain()
    assert {type(each) for each in acting.sent()} == {Candle}


async def test_watches_that_were_made_anew_are_the_defaults_until_one_is_read() -> None:
    acting = Acting(MARKET)
    await acting.take(7, WATCH)
    await acting.keeper.drain()
    state = MARKET.state_codec().decode(KEY, acting.table.data[KEY], acting.table.data.get).state
    assert state.watch == WATCH
    MARKET.begin_anew(state, "watches", "another")
    assert (state.watch, state.rules, state.changed) == (None, WatchRules(), True)


async def test_last_prices_of_seconds_are_told_of_what_is_compared_and_of_nothing_else() -> None:
    acting = Acting(MARKET)
    compared = msgspec.structs.replace(WATCH, pair="XRP/USDT", apart=3, kinds="exchanges-apart", digest_minutes=0)
    await acting.take(0, at(0, "1", 1), at(0.5, "1", 2))
    await acting.take(5, compared)
    await acting.take(2, at(0.501, "1.01", 3), at(0.52, "1.02", 4))
    await acting.take(6, msgspec.structs.replace(compared, watched=False, revision=2))
    await acting.take(4, at(0.55, "1", 5))
    await acting.take(7, msgspec.structs.replace(compared, kinds="off-average", revision=3))
    await acting.take(5, at(0.6, "1", 6))
    await acting.keeper.drain()
    told = acting.sent()
    how = {"exchange": "binance", "symbol": "XRPUSDT", "pair": "XRP/USDT", "cooldown": 300}
    assert told == [
        Quote(**how, price=101 * ONE // 100, trade_time=at(0.501, "1", 3).trade_time, apart=3, settings_offset=5),
        Quote(**how, price=102 * ONE // 100, trade_time=at(0.52, "1", 4).trade_time, apart=0, settings_offset=6),
    ]
    assert {sent.key for sent in acting.app.producer.log if sent.topic == "quotes"} == {b"XRP/USDT"}
