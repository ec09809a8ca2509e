"""What holds of a session with any of the exchanges, each against the local exchange in its own words."""

import asyncio
import time
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection

from producers.exchanges import EXCHANGES
from producers.local_exchange.simulated import MARKETS_OF, simulated_trades
from producers.sequence import TradeIds
from producers.session import Session
from schemas.records import Trade
from schemas.symbols import GLOBAL_IDS
from tests.unit.producers.feeds import QUICK, START, adapter_of, client_of, exchange_of, market, symbols_of, until

NAMES = [exchange.name for exchange in EXCHANGES]
GARBAGE = [
    b"\xff\xfe not text",
    b"[]",
    b'{"stream":"x","data":{"e":"trade"}}',
    b'{"event":"trade"}',
    b'{"type":"match"}',
    # nested deeper than any reader goes
    b"[" * 100_000,
    b'{"a":' * 50_000,
]


def without_orders(trades: list[Trade]) -> list[Trade]:
    """Trades without the order ids that the local exchange makes up where there are none."""
    return [msgspec.structs.replace(trade, buyer_order_id=None, seller_order_id=None) for trade in trades]


def in_order(trades: list[Trade]) -> bool:
    """Whether every id is above the one before it."""
    ids = TradeIds()
    return not any(
        ids.observe(trade.instrument, trade.trade_id, trade.trade_time, contiguous=False) for trade in trades
    )


@pytest.mark.parametrize("name", NAMES)
async def test_every_trade_arrives_once_in_order_exact_to_the_microsecond(name: str) -> None:
    async with exchange_of(market(count=3_000, speed=None, name=name), name=name) as exchange:
        session = Session(adapter_of(exchange, name), wall_us=lambda: 77)
        async with client_of(session, symbols_of(name)) as client:
            await until(lambda: len(client.events) >= 3_000)
        sent = islice(simulated_trades(3, 2_000, START, MARKETS_OF[name], name in GLOBAL_IDS), 3_000)
        assert without_orders(client.trades) == [msgspec.structs.replace(trade, received_time=77) for trade in sent]
        assert not client.bad
        assert session.counters.connections == 1
        # Closing unsubscribes.
        assert "unsubscribe" in exchange.messages[-1].lower()


@pytest.mark.parametrize("name", NAMES)
async def test_symbols_come_and_go_and_one_that_is_refused_harms_no_other(name: str) -> None:
    first, second, third = symbols_of(name)[:3]
    async with exchange_of(market(wait=False, name=name), name=name) as exchange:
        exchange.floor.unknown.add(third)
        session = Session(adapter_of(exchange, name), QUICK)
        async with client_of(session, [first]) as client:
            await until(lambda: client.ids(first))
            session.set_symbols([first, second, third])
            await until(lambda: client.ids(second) and client.bad)
            assert [bad.error.split(" refused: ")[0].lower() for bad in client.bad] == [f"subscribe {third}".lower()]
            session.set_symbols([second])
            await until(lambda: session.streaming == {second})
            # Trades may come until the exchange has taken the request.
            mark = len(client.ids(second))
            await until(lambda: len(client.ids(second)) > mark + 50)
            seen = len(client.ids(first))
            await until(lambda: len(client.ids(second)) > mark + 150)
            assert len(client.ids(first)) == seen
            assert (session.counters.reconnects, session.counters.connections) == (0, 1)
            assert in_order(client.trades)


@pytest.mark.parametrize("name", NAMES)
async def test_no_frame_ends_a_session(name: str) -> None:
    async with exchange_of(market(name=name), name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK)
        async with client_of(session, symbols_of(name)) as client:
            await until(lambda: client.trades)
            for payload in GARBAGE:
                exchange.send_text(payload)
            await until(lambda: len(client.bad) == len(GARBAGE))
            mark = len(client.trades)
            await until(lambda: len(client.trades) > mark + 100)
            assert [bad.raw for bad in client.bad] == GARBAGE
            assert (session.counters.reconnects, session.counters.crashes) == (0, 0)
            assert in_order(client.trades)


@pytest.mark.parametrize("name", NAMES)
async def test_a_frame_of_some_megabytes_is_no_end_of_the_connection(name: str) -> None:
    async with exchange_of(market(name=name), name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK)
        async with client_of(session, symbols_of(name)) as client:
            await until(lambda: client.trades)
            exchange.send_text(b"0" * (5 << 20))
            await until(lambda: client.bad)
            mark = len(client.trades)
            await until(lambda: len(client.trades) > mark + 100)
            assert [len(bad.raw) for bad in client.bad] == [5 << 20]
            assert session.counters.reconnects == 0


@pytest.mark.parametrize(("name", "wrapped"), [("binance", False), ("binance", True), ("bitstamp", False)])
async def test_an_announced_end_loses_nothing_and_repeats_nothing(name: str, wrapped: bool) -> None:
    async with exchange_of(market(rate=2_000, name=name), name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK)
        async with client_of(session, symbols_of(name)) as client:
            for done in range(1, 3):
                mark = len(client.trades)
                await until(lambda mark=mark: len(client.trades) > mark + 200)
                exchange.announce_shutdown(wrapped)
                await until(lambda done=done: session.counters.handovers == done)
            mark = len(client.trades)
            await until(lambda: len(client.trades) > mark + 200)
            exchange.drop()
            assert (session.counters.reconnects, session.counters.connections) == (0, 3)
            assert in_order(client.trades)
        ids = sorted(trade.trade_id for trade in client.trades if trade.symbol == symbols_of(name)[0])
        made = [trade.trade_id for trade in exchange.floor.history[symbols_of(name)[0]].newest(10_000)]
        assert ids == [number for number in made if number <= ids[-1]]


@pytest.mark.parametrize("name", NAMES)
async def test_half_open_connections_and_cuts_are_noticed(name: str) -> None:
    ahead = [0.0]
    loop = asyncio.get_running_loop()
    async with exchange_of(market(name=name), name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK, clock=lambda: loop.time() + ahead[0])
        async with client_of(session, symbols_of(name)) as client:
            await until(lambda: client.trades)
            exchange.go_silent()
            # What is under way is still heard.
            await asyncio.sleep(0.2)
            ahead[0] += 70
            await until(lambda: session.counters.reconnects == 1 and session.streaming)
            exchange.cut(0.3)
            await until(lambda: session.counters.reconnects == 2 and session.counters.failures)
            mark = len(client.trades)
            await until(lambda: len(client.trades) > mark + 100)
            assert in_order(client.trades)


@pytest.mark.parametrize("name", NAMES)
async def test_every_message_is_paced_closing_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[float] = []  # by the clock of who sends: on a busy machine two may arrive together
    send = ClientConnection.send

    async def noted(socket: ClientConnection, message: Any) -> None:
        sent.append(time.monotonic())
        await send(socket, message)

    monkeypatch.setattr(ClientConnection, "send", noted)
    adapter_symbols = symbols_of(name)
    async with exchange_of(market(wait=False, name=name), name=name) as exchange:
        adapter = adapter_of(exchange, name)
        adapter = replace(adapter, exchange=replace(adapter.exchange, symbols_per_request=1, messages_per_s=4))
        session = Session(adapter, replace(QUICK, goodbye_s=10))
        async with client_of(session, adapter_symbols):
            await until(lambda: session.streaming == set(adapter_symbols))
            subscribed = len(sent)
        assert len(sent) - subscribed >= len(adapter_symbols), "goodbye to each"
        assert min(later - earlier for earlier, later in pairwise(sent)) > 0.2


async def test_bitstamp_gets_its_heartbeats() -> None:
    async with exchange_of(market(wait=False, name="bitstamp"), name="bitstamp") as exchange:
        adapter = adapter_of(exchange, "bitstamp")
        adapter = replace(adapter, exchange=replace(adapter.exchange, heartbeat_s=0.2))
        session = Session(adapter, QUICK)
        async with client_of(session, ["BTCUSD"]) as client:
            await until(lambda: sum("bts:heartbeat" in message for message in exchange.messages) >= 3)
            assert not client.bad
            assert session.streaming == {"BTCUSD"}


async def test_coinbase_cuts_who_asks_for_nothing_and_our_session_asks() -> None:
    async with exchange_of(market(wait=False, name="coinbase"), name="coinbase") as exchange:
        session = Session(adapter_of(exchange, "coinbase"), QUICK)
        async with client_of(session, ["BTC-USD"]) as client:
            await until(lambda: client.trades)
            assert len(exchange.messages) == 1
            assert [trade.trade_id for trade in client.trades] == sorted({trade.trade_id for trade in client.trades})
