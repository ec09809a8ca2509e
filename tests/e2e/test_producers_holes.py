"""Holes on the real broker: whatever is cut, refused or killed, each trade that was made is in the topic once."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from infra.config import Config
from infra.native.backend import NativeBackend
from producers import settings_topic
from producers.binance.client import Binance
from producers.binance.history import BUDGET
from producers.gap_records import ask_again, read_gaps
from producers.local_exchange.faults import HttpFault
from producers.local_exchange.server import LocalExchange, Play
from producers.local_exchange.simulated import MARKETS_OF, simulated_trades
from producers.recorded.files import read_trades
from producers.rest import Rest
from producers.service import serve
from producers.session import Session
from schemas.gap_records import Gap, GapStatus
from schemas.records import Settings, Trade
from tests.e2e.test_cli_commands import data, run, set_environment
from tests.e2e.test_producers_service import (
    DEADLINE_S,
    QUICK,
    START,
    SYMBOLS,
    _start,
    config,
    exchange_of,
    switch,
    trades_in_topic,
    until,
)
from tests.unit.producers.feeds import exchange_of as any_exchange
from tests.unit.producers.feeds import market as market_of
from tests.unit.producers.feeds import symbols_of

__all__ = ["config"]


def market(tape: Path, count: int | None, rate: int = 2_000) -> Play:
    """A market that begins when all symbols are subscribed, and tells of all its trades."""
    return Play(
        lambda: islice(simulated_trades(5, rate, START), count),
        wait_for=frozenset(SYMBOLS),
        tape=tape,
        history=1_000_000,
    )


def session_on(exchange: LocalExchange) -> Session:
    return Session(Binance(exchange.stream_url, rest=Rest(exchange.rest_url, BUDGET)), QUICK)


@asynccontextmanager
async def service(config: Config, exchange: LocalExchange) -> AsyncIterator[Session]:
    """The service in this process; ends as after SIGTERM."""
    session = session_on(exchange)
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(config, [session], stop))
    try:
        yield session
    finally:
        stop.set()
        async with asyncio.timeout(DEADLINE_S):
            await serving


def compared(trades: list[Trade], name: str = "binance") -> dict[str, list[Trade]]:
    """The trades of each symbol in their order, but for when and how they came.

    A recording names no exchange, nor the orders behind a trade; Bitstamp tells the second of a trade of the past.
    """
    unit = 1_000_000 if name == "bitstamp" else 1
    found: dict[str, list[Trade]] = {}
    for trade in trades:
        moment = trade.trade_time // unit * unit
        times = {"trade_time": moment, "event_time": moment, "received_time": 0}
        orders = {"buyer_order_id": None, "seller_order_id": None}
        kept = msgspec.structs.replace(trade, exchange=name, filled=False, **times, **orders)
        found.setdefault(trade.symbol, []).append(kept)
    return found


async def until_in_topic(config: Config, count: int, still_s: float = DEADLINE_S) -> list[Trade]:
    """Wait until the topic has so many trades; return them. It may take long, a standstill of `still_s` may not."""
    found: list[Trade] = []
    more = time.monotonic()
    while len(found) < count:
        before = len(found)
        found = await asyncio.to_thread(trades_in_topic, config)
        if len(found) > before:
            more = time.monotonic()
        assert time.monotonic() - more < still_s, f"{len(found)} of {count} trades: {_counts(found)}"
        await asyncio.sleep(0.5)
    return found


def _counts(trades: list[Trade]) -> dict[str, int]:
    return dict(Counter(trade.instrument for trade in trades))


def by_id(trade: Trade) -> int:
    return trade.trade_id


async def until_sent(exchange: LocalExchange, more: int) -> None:
    mark = exchange.sent.total() + more
    await until(lambda: exchange.sent.total() >= mark)


async def test_connections_that_are_lost_under_load_leave_no_hole(config: Config, tmp_path: Path) -> None:
    tape = tmp_path / "made.csv"
    await asyncio.to_thread(switch, config, SYMBOLS)
    async with exchange_of(market(tape, 12_000)) as exchange, service(config, exchange):
        for _ in range(3):
            await until_sent(exchange, 1_000)
            exchange.cut(0.3)
        received = await until_in_topic(config, 12_000)
    assert compared(received) == compared(list(read_trades(tape))), "all, once, in the order of ids"
    filled = [trade for trade in received if trade.filled]
    assert len(filled) == 12_000 - exchange.sent.total() > 1_000
    gaps = await asyncio.to_thread(read_gaps, config)
    assert {gap.status for gap in gaps} == {GapStatus.FILLED}
    assert sum(gap.filled_count for gap in gaps) == len(filled)


@pytest.mark.long
@pytest.mark.parametrize(
    ("rate", "cut_s", "count"),
    [
        (1_000, 2, 12_000),
        pytest.param(500, 60, 45_000, marks=pytest.mark.timeout(600), id="a-minute"),
    ],
)
async def test_a_producer_of_three_exchanges_that_is_killed_in_a_long_cut_fills_what_it_missed(
    config: Config, tmp_path: Path, rate: int, cut_s: float, count: int
) -> None:
    start = time.time_ns() // 1_000
    wanted = [Settings(exchange=name, symbol=of, streaming=True) for name in MARKETS_OF for of in symbols_of(name)]
    await asyncio.to_thread(settings_topic.write, config, wanted)
    running: dict[str, LocalExchange] = {}
    async with AsyncExitStack() as stack:
        for name in MARKETS_OF:
            play = replace(
                market_of(rate, count, name=name, start=start), tape=tmp_path / f"{name}.csv", history=100_000
            )
            running[name] = await stack.enter_async_context(any_exchange(play, name=name))
        urls = {f"HEDGEHOG_{name.upper()}_STREAM_URL": each.stream_url for name, each in running.items()}
        urls |= {f"HEDGEHOG_{name.upper()}_REST_URL": each.rest_url for name, each in running.items()}
        first = _start(config, ["-m", "producers"], urls["HEDGEHOG_BINANCE_STREAM_URL"], urls)
        try:
            for exchange in running.values():
                await until_sent(exchange, 1_500)
            for exchange in running.values():
                exchange.cut(cut_s)
            await asyncio.sleep(cut_s / 4)
        finally:
            first.kill()
            first.wait()
        for exchange in running.values():
            refusals = HttpFault(429, "1"), HttpFault(503, "1"), HttpFault(418, "1"), HttpFault(500, "1")
            exchange.faults.calls.extend(refusals)
        second = _start(config, ["-m", "producers"], urls["HEDGEHOG_BINANCE_STREAM_URL"], urls)
        try:
            # nothing comes until the cut is over
            received = await until_in_topic(config, len(MARKETS_OF) * count, cut_s + DEADLINE_S)
            second.terminate()
            output, _ = await asyncio.to_thread(second.communicate, timeout=DEADLINE_S)
        finally:
            second.kill()
            second.wait()
    for name in MARKETS_OF:
        of_exchange = [trade for trade in received if trade.exchange == name]
        made = list(read_trades(tmp_path / f"{name}.csv"))
        found = compared(of_exchange, name)
        if cut_s > 10:  # what takes longer than that to fill comes after newer ones
            found = {symbol: sorted(trades, key=by_id) for symbol, trades in found.items()}
        assert found == compared(made, name), f"all, once, in the order of ids: {output}"
        assert sum(trade.filled for trade in of_exchange) > min(2_000, rate * cut_s // 2)
        assert not running[name].faults.calls
    assert second.returncode == 0, output


async def test_what_was_lost_is_filled_when_people_ask_again(config: Config, tmp_path: Path) -> None:
    tape = tmp_path / "made.csv"
    await asyncio.to_thread(switch, config, SYMBOLS)
    async with exchange_of(market(tape, 8_000)) as exchange, service(config, exchange):
        await until_sent(exchange, 1_000)
        exchange.faults.calls.extend([HttpFault(403, body="not from here")] * 2)
        exchange.skip("XRPUSDT", 5)
        exchange.skip("BTCUSDT", 5)
        received = await until_in_topic(config, 7_990)
        assert not any(trade.filled for trade in received)
        with pytest.MonkeyPatch.context() as patch:
            set_environment(config, patch)
            listed = await asyncio.to_thread(data, "gaps list")
            assert sorted((row["instrument"], row["status"], row["missing"]) for row in listed) == [
                ("binance:BTCUSDT", "lost", 5),
                ("binance:XRPUSDT", "lost", 5),
            ]
            assert "HTTP 403: not from here" in listed[0]["reason"]
            page = json.loads((await asyncio.to_thread(run, "status --json")).stdout)
            assert page["gaps"] == {"open": 0, "lost": 2}
            (filled,) = await asyncio.to_thread(data, "gaps fill xrpusdt")
            assert (filled["status"], filled["filled"], filled["missing"]) == ("filled", 5, 0)
            assert [row["instrument"] for row in await asyncio.to_thread(data, "gaps list")] == ["binance:BTCUSDT"]
            await asyncio.to_thread(data, "gaps fill --all")
            assert await asyncio.to_thread(data, "gaps list") == []
        received = await until_in_topic(config, 8_000)
    made = compared(list(read_trades(tape)))
    assert {symbol: sorted(trades, key=by_id) for symbol, trades in compared(received).items()} == made
    assert sum(trade.filled for trade in received) == 10


@pytest.mark.long
async def test_a_gap_that_was_open_when_the_producer_was_killed_is_filled_by_the_next(
    config: Config, tmp_path: Path
) -> None:
    tape = tmp_path / "made.csv"
    await asyncio.to_thread(switch, config, SYMBOLS)
    async with exchange_of(market(tape, 40_000)) as exchange:
        environment = {"HEDGEHOG_BINANCE_REST_URL": exchange.rest_url}
        first = _start(config, ["-m", "producers"], exchange.stream_url, environment)
        try:
            await until_sent(exchange, 2_000)
            exchange.faults.calls.append(HttpFault(429, "600"))
            exchange.skip("XRPUSDT", 50)
            # longer than newer trades wait: they are in the topic without those that are missing
            async with asyncio.timeout(DEADLINE_S):
                while not await asyncio.to_thread(read_gaps, config):  # noqa: ASYNC110 - a topic
                    await asyncio.sleep(0.5)
            await until_sent(exchange, 1_000)
        finally:
            first.kill()
            first.wait()
        second = _start(config, ["-m", "producers"], exchange.stream_url, environment)
        try:
            received = await until_in_topic(config, 40_000)
        finally:
            second.kill()
            second.wait()
        (gap,) = [gap for gap in await asyncio.to_thread(read_gaps, config) if gap.last_id - gap.first_id == 49]
    made = compared(list(read_trades(tape)))
    assert {symbol: sorted(trades, key=by_id) for symbol, trades in compared(received).items()} == made
    assert (gap.status, gap.filled_count) == (GapStatus.FILLED, 50)


@pytest.mark.long
async def test_a_gap_that_was_recorded_before_newer_trades_went_on_is_filled_once(
    config: Config, tmp_path: Path
) -> None:
    """Its producer was killed in between: the next one asks for all that comes after the newest trade anyway."""
    tape = tmp_path / "made.csv"
    await asyncio.to_thread(switch, config, SYMBOLS)
    async with exchange_of(market(tape, 12_000)) as exchange:
        environment = {"HEDGEHOG_BINANCE_REST_URL": exchange.rest_url}
        first = _start(config, ["-m", "producers"], exchange.stream_url, environment)
        try:
            await until_in_topic(config, 2_000)
        finally:
            first.kill()
            first.wait()
        before = max((one for one in trades_in_topic(config) if one.symbol == "XRPUSDT"), key=by_id)
        await asyncio.to_thread(ask_again, config, [open_gap(before, 40)])
        second = _start(config, ["-m", "producers"], exchange.stream_url, environment)
        try:
            await until_in_topic(config, 12_000)
            await until_filled(config, before.trade_id + 1)
            received = await asyncio.to_thread(trades_in_topic, config)
        finally:
            second.kill()
            second.wait()
    assert compared(received) == compared(list(read_trades(tape)))


def open_gap(before: Trade, count: int) -> Gap:
    """So many trades after this one, noticed a second later."""
    return Gap(
        exchange=before.exchange,
        symbol=before.symbol,
        first_id=before.trade_id + 1,
        last_id=before.trade_id + count,
        before_time=before.trade_time,
        after_time=before.trade_time + 1_000_000,
        status=GapStatus.OPEN,
        opened_time=time.time_ns() // 1_000,
        updated_time=time.time_ns() // 1_000,
    )


async def until_filled(config: Config, first_id: int) -> None:
    """Wait until all gaps that begin with this trade are."""
    deadline = time.monotonic() + DEADLINE_S
    while {one.status for one in await asyncio.to_thread(read_gaps, config) if one.first_id == first_id} != {
        GapStatus.FILLED
    }:
        assert time.monotonic() < deadline, first_id
        await asyncio.sleep(0.5)


@pytest.mark.long
async def test_what_a_frozen_broker_did_not_take_from_a_producer_that_was_killed_is_fetched_by_the_next(
    config: Config, tmp_path: Path
) -> None:
    tape = tmp_path / "made.csv"
    await asyncio.to_thread(switch, config, SYMBOLS)
    broker = NativeBackend(config).daemon("broker").pid()
    assert broker
    async with exchange_of(market(tape, 24_000)) as exchange:
        environment = {"HEDGEHOG_BINANCE_REST_URL": exchange.rest_url}
        first = _start(config, ["-m", "producers"], exchange.stream_url, environment)
        try:
            await until_sent(exchange, 4_000)
            os.kill(broker, signal.SIGSTOP)
            await until_sent(exchange, 4_000)
        finally:
            first.kill()
            first.wait()
            os.kill(broker, signal.SIGCONT)
        second = _start(config, ["-m", "producers"], exchange.stream_url, environment)
        try:
            received = await until_in_topic(config, 24_000)
        finally:
            second.kill()
            second.wait()
    assert compared(received) == compared(list(read_trades(tape)))
    assert sum(trade.filled for trade in received) > 4_000


async def until_published(config: Config, symbol: str, number: int) -> None:
    """Wait until the topic has the trade of this id."""
    deadline = time.monotonic() + DEADLINE_S
    while all(
        (each.symbol, each.trade_id) != (symbol, number) for each in await asyncio.to_thread(trades_in_topic, config)
    ):
        assert time.monotonic() < deadline, (symbol, number)
        await asyncio.sleep(0.5)


@pytest.mark.long
async def test_ids_that_begin_anew_are_said_once_and_shown_and_asked_for_by_nobody(
    config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.to_thread(switch, config, SYMBOLS)
    async with exchange_of(market(tmp_path / "made.csv", None)) as exchange:
        async with service(config, exchange):
            await until_sent(exchange, 1_000)
            exchange.restart_ids()
            await until(lambda: all(f"binance:{symbol}: ids begin anew with 1," in caplog.text for symbol in SYMBOLS))
            for symbol in SYMBOLS:
                await until_published(config, symbol, 50)
        async with service(config, exchange):  # which finds both in the topic
            for symbol in SYMBOLS:
                await until_published(config, symbol, exchange.sent[symbol] + 50)
    assert caplog.text.count("ids begin anew with") == len(SYMBOLS)
    assert "trade id" not in caplog.text, "nor is each trade since then a step back"
    with pytest.MonkeyPatch.context() as patch:
        set_environment(config, patch)
        listed = await asyncio.to_thread(data, "gaps list")
        assert sorted((row["instrument"], row["status"], row["first_id"], row["missing"]) for row in listed) == [
            (f"binance:{symbol}", "anew", 1, 0) for symbol in sorted(SYMBOLS)
        ]
        assert all(row["reason"].startswith("ids begin anew: ") for row in listed)
        page = json.loads((await asyncio.to_thread(run, "status --json")).stdout)
        assert page["gaps"] == {"open": 0, "lost": 0, "where ids began anew": len(SYMBOLS)}
        assert await asyncio.to_thread(data, "gaps fill --all") == []
    received = await asyncio.to_thread(trades_in_topic, config)
    for symbol in SYMBOLS:
        ids = [trade.trade_id for trade in received if trade.symbol == symbol]
        again = ids.index(1)
        since = ids[again:]
        assert ids[:again] == [*range(ids[0], ids[0] + again)]
        assert (since[:50], len(since)) == ([*range(1, 51)], len(set(since)))
