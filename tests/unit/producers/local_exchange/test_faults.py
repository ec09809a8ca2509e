"""What the local exchange does wrong on demand, in each of its protocols."""

import asyncio
import time
from pathlib import Path

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from producers.local_exchange.server import Manners, Play
from producers.recorded.files import read_trades
from producers.session import Session
from tests.unit.producers.feeds import (
    QUICK,
    adapter_of,
    client_of,
    exchange_of,
    market,
    symbols_of,
    until,
)
from tests.unit.producers.test_every_exchange import NAMES


def ids_in(path: Path, symbol: str) -> list[int]:
    return [trade.trade_id for trade in read_trades(path) if trade.symbol == symbol]


@pytest.mark.parametrize("name", NAMES)
async def test_trades_that_are_dropped_late_and_repeated(name: str, tmp_path: Path) -> None:
    first, second = symbols_of(name)[:2]
    play = market(name=name, start=time.time_ns() // 1_000)
    kept = Play(play.trades, play.speed, play.wait_for, tmp_path / "journal.csv", tmp_path / "tape.csv")
    async with exchange_of(kept, name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK)
        async with client_of(session, symbols_of(name)) as client:
            await until(lambda: len(client.ids(first)) > 10)
            exchange.skip(first, 3)
            exchange.hold(second, 2)
            # What the client has may be older than the faults: the exchange tells when they have hit.
            await until(lambda: not exchange.faults.skipped[first] and not exchange.faults.held[second])
            mark = exchange.sent[second]
            await until(lambda: exchange.sent[second] > mark)
            exchange.release(second)
            exchange.repeat_last(first)
            await until(lambda: len(set(client.ids(first))) < len(client.ids(first)))
            await until(lambda: client.ids(second) != sorted(client.ids(second)))
            # REST knows all of them, in their order.
            for symbol in (first, second):
                made = [trade.trade_id for trade in exchange.floor.history[symbol].newest(10_000)]
                assert made == sorted(made)
                missing = {number for number in made if number <= max(client.ids(symbol))} - set(client.ids(symbol))
                assert len(missing) == (3 if symbol == first else 0)
    for symbol in symbols_of(name):
        sent = ids_in(tmp_path / "journal.csv", symbol)
        all_made = [number for number in ids_in(tmp_path / "tape.csv", symbol) if number <= max(sent)]
        assert len(all_made) - len(sent) == (3 if symbol == first else 0)
        assert set(sent) <= set(all_made)


@pytest.mark.parametrize("name", NAMES)
async def test_a_muted_symbol_is_silent_until_it_is_subscribed_anew(name: str) -> None:
    first, second = symbols_of(name)[:2]
    async with exchange_of(market(wait=False, name=name), name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK)
        async with client_of(session, [first, second]) as client:
            await until(lambda: client.ids(first) and client.ids(second))
            exchange.mute(first)
            silent, mark = exchange.sent[first], len(client.ids(second))
            await until(lambda: len(client.ids(first)) == silent)
            await until(lambda: len(client.ids(second)) > mark + 50)
            assert len(client.ids(first)) == silent
            session.set_symbols([second])
            await until(lambda: session.streaming == {second})
            session.set_symbols([first, second])
            await until(lambda: len(client.ids(first)) > silent)


@pytest.mark.parametrize("name", NAMES)
async def test_ids_that_begin_anew(name: str) -> None:
    symbol = symbols_of(name)[0]
    async with exchange_of(market(name=name), name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK)
        async with client_of(session, symbols_of(name)) as client:
            await until(lambda: len(client.ids(symbol)) > 10)
            exchange.restart_ids()
            await until(lambda: client.ids(symbol)[-1] < 1_000)
            again = next(i for i, number in enumerate(client.ids(symbol)) if number < 1_000)
            await until(lambda: len(client.ids(symbol)) > again + 20)
        assert min(trade.trade_id for trade in exchange.floor.history[symbol].newest(10)) < 1_000_000
        assert client.ids(symbol)[again] == 1 or name == "bitstamp"
        everyone = sorted(trade.trade_id for trade in client.trades if trade.trade_id < 1_000_000)
        assert everyone[0] == 1
        if name == "bitstamp":
            # Closing ends one symbol after the other.
            assert everyone[:20] == list(range(1, 21))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("with_id", [True, False])
async def test_a_request_that_is_refused(name: str, with_id: bool) -> None:
    first, second = symbols_of(name)[:2]
    async with exchange_of(market(wait=False, name=name), name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK)
        async with client_of(session, [first]) as client:
            await until(lambda: client.ids(first))
            exchange.faults.refused_requests, exchange.faults.refusals_have_ids = 1, with_id
            session.set_symbols([first, second])
            await until(lambda: client.bad)
            assert second.lower() in client.bad[0].error.lower()
            assert session.counters.reconnects == 0


@pytest.mark.parametrize("name", NAMES)
async def test_a_cut_refuses_for_a_while_and_the_market_goes_on(name: str) -> None:
    symbol = symbols_of(name)[0]
    async with exchange_of(market(wait=False, name=name), name=name) as exchange:
        session = Session(adapter_of(exchange, name), QUICK)
        async with client_of(session, [symbol]) as client:
            await until(lambda: client.trades)
            async with httpx.AsyncClient(trust_env=False) as http:
                (await http.post(f"{exchange.rest_url}/local/cut?seconds=0.5")).raise_for_status()
            before = exchange.floor.history[symbol].newest(1)[0].trade_id
            with pytest.raises(InvalidStatus, match="503"):
                await connect(f"{exchange.stream_url}/stream" if name == "binance" else exchange.stream_url)
            mark = len(client.trades)
            await until(lambda: len(client.trades) > mark)
            assert client.trades[mark].trade_id > before + 1


async def test_coinbase_cuts_who_asks_for_nothing() -> None:
    async with exchange_of(market(wait=False, name="coinbase"), Manners(ping_s=0.2), "coinbase") as exchange:
        exchange._dialect = replace_first_message(exchange._dialect, 0.2)
        async with connect(exchange.stream_url) as socket:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 10)


def replace_first_message(dialect: object, seconds: float) -> object:
    dialect.first_message_s = seconds  # type: ignore[attr-defined]
    return dialect


async def test_words_of_coinbase() -> None:
    async with exchange_of(market(rate=200, wait=False, name="coinbase"), name="coinbase") as exchange:
        await until(lambda: exchange.floor.history["BTC-USD"].newest(1))
        async with connect(exchange.stream_url) as socket:
            asked = {"type": "subscribe", "channels": [{"name": "heartbeat", "product_ids": ["BTC-USD"]}]}
            await socket.send(msgspec.json.encode(asked), text=True)
            channels = [{"name": "heartbeat", "product_ids": ["BTC-USD"]}]
            assert msgspec.json.decode(await socket.recv()) == {"type": "subscriptions", "channels": channels}
            beat = msgspec.json.decode(await socket.recv())
            assert (beat["type"], beat["product_id"]) == ("heartbeat", "BTC-USD")
            assert beat["last_trade_id"] <= exchange.floor.history["BTC-USD"].newest(1)[0].trade_id
            for odd, said in [
                ('{"type":"subscribe","product_ids":["X"],"channels":["matches"]}', "X is not a valid product"),
                ('{"type":"subscribe","product_ids":[],"channels":["ticker"]}', "ticker is not a valid channel"),
                ('{"type":"ask","channels":[]}', "Type ask is not valid"),
                ("{", "Malformed JSON"),
            ]:
                await socket.send(odd)
                error: dict[str, str] = {}
                while error.get("type") != "error":
                    error = msgspec.json.decode(await socket.recv())
                assert said in (error["message"], error.get("reason"))
        async with httpx.AsyncClient(base_url=exchange.rest_url, trust_env=False) as http:
            page = await http.get("/products/BTC-USD/trades", params={"limit": 2, "after": 1_000_005})
            assert [row["trade_id"] for row in page.json()] == [1_000_004, 1_000_003]
            assert (page.headers["CB-BEFORE"], page.headers["CB-AFTER"]) == ("1000004", "1000003")
            newest = exchange.floor.history["BTC-USD"].newest(1)[0].trade_id
            page = await http.get("/products/BTC-USD/trades", params={"limit": 2, "before": 1_000_005})
            assert page.json()[0]["trade_id"] >= newest
            assert (await http.get("/products/X/trades")).status_code == 404
            assert (await http.get("/products/BTC-USD/trades", params={"after": "x"})).status_code == 400


async def test_words_of_bitstamp() -> None:
    async with exchange_of(market(rate=50, wait=False, name="bitstamp"), name="bitstamp") as exchange:
        async with connect(exchange.stream_url) as socket:
            for asked, event, said in [
                ('{"event":"bts:heartbeat"}', "bts:heartbeat", {"status": "success"}),
                ("{", "bts:error", {"code": None, "message": "Incorrect JSON format."}),
                (
                    '{"event":"bts:subscribe","data":{"channel":"live_trades_xyz"}}',
                    "bts:error",
                    {"code": None, "message": "Bad subscription string."},
                ),
                ('{"event":"bts:subscribe","data":{"channel":"live_trades_ltceur"}}', "bts:subscription_succeeded", {}),
            ]:
                await socket.send(asked)
                answer = msgspec.json.decode(await socket.recv())
                assert (answer["event"], answer["data"]) == (event, said)
            trade = msgspec.json.decode(await socket.recv())
            assert (trade["event"], trade["channel"]) == ("trade", "live_trades_ltceur")
            data = trade["data"]
            later = max(data["buy_order_id"], data["sell_order_id"])
            assert (later == data["sell_order_id"]) == (data["type"] == 1)
        async with httpx.AsyncClient(base_url=exchange.rest_url, trust_env=False) as http:
            assert (await http.get("/api/v2/transactions/xyz/")).status_code == 404
            assert (await http.get("/api/v2/transactions/btcusd/?time=year")).status_code == 400
            # the market's times are long ago
            assert (await http.get("/api/v2/transactions/btcusd/?time=day")).json() == []
