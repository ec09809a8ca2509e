"""The local exchange against clients that others wrote, unchanged but for the address: it is no mirror of our own."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import binance
import ccxt.pro
import pytest

from producers.local_exchange.server import LocalExchange
from producers.local_exchange.simulated import MARKETS_OF
from schemas.records import Trade
from schemas.units import ONE
from tests.unit.producers.feeds import DEADLINE_S, exchange_of, market

Reader = Callable[[LocalExchange, str], Awaitable[list[Any]]]
ENOUGH = 40


@asynccontextmanager
async def trading(name: str) -> AsyncIterator[LocalExchange]:
    """A market of now: clients drop what is too old."""
    play = market(rate=1_000, wait=False, name=name, start=time.time_ns() // 1_000)
    async with exchange_of(play, name=name) as exchange:
        yield exchange


@asynccontextmanager
async def ccxt_of(name: str, exchange: LocalExchange) -> AsyncIterator[Any]:
    rest, stream = exchange.rest_url, exchange.stream_url
    if name == "binance":
        client = ccxt.pro.binance({"options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}})
        client.urls["api"]["public"] = f"{rest}/api/v3"
        client.urls["api"]["ws"]["spot"] = f"{stream}/ws"
    elif name == "coinbase":
        client = ccxt.pro.coinbaseexchange()
        client.urls["api"] |= {"public": rest, "ws": stream}
    else:
        client = ccxt.pro.bitstamp()
        client.urls["api"] |= {"public": f"{rest}/api", "ws": stream}
    try:
        yield client
    finally:
        await client.close()


def unified(name: str) -> str:
    """The first market of an exchange, as ccxt calls it."""
    item = MARKETS_OF[name][0]
    return f"{item.base_asset}/{item.quote_asset}"


def made(exchange: LocalExchange, name: str) -> dict[str, Trade]:
    """The trades of the first market by the text of their id."""
    trades = exchange.floor.history[MARKETS_OF[name][0].symbol].newest(10_000)
    return {str(trade.trade_id): trade for trade in trades}


def agrees(seen: dict[str, Any], trade: Trade, unit_us: int) -> None:
    assert Decimal(str(seen["price"])) == Decimal(trade.price) / ONE
    assert Decimal(str(seen["amount"])) == Decimal(trade.quantity) / ONE
    assert seen["side"] == ("sell" if trade.buyer_is_maker else "buy")
    assert seen["timestamp"] == trade.trade_time // unit_us * unit_us // 1_000


@pytest.mark.parametrize("name", list(MARKETS_OF))
async def test_what_ccxt_watches_is_what_was_traded(name: str) -> None:
    async with trading(name) as exchange, ccxt_of(name, exchange) as client:
        seen: dict[str, Any] = {}
        async with asyncio.timeout(DEADLINE_S):
            while len(seen) < ENOUGH:
                seen |= {trade["id"]: trade for trade in await client.watch_trades(unified(name))}
        traded = made(exchange, name)
        for number, trade in seen.items():
            agrees(trade, traded[number], 1_000)
        if name != "bitstamp":
            ids = [int(number) for number in seen]
            assert ids == list(range(ids[0], ids[0] + len(ids)))


@pytest.mark.parametrize("name", list(MARKETS_OF))
async def test_what_ccxt_fetches_is_what_was_traded(name: str) -> None:
    methods = {"binance": ["publicGetTrades", "publicGetAggTrades"]}.get(name, [""])
    async with trading(name) as exchange, ccxt_of(name, exchange) as client:
        await asyncio.sleep(0.5)
        for method in methods:
            params = {"fetchTradesMethod": method} if method else {}
            found = await client.fetch_trades(unified(name), limit=30, params=params)
            assert len(found) == 30
            traded = made(exchange, name)
            for trade in found:
                # REST of Bitstamp has seconds; the side of Coinbase's REST is the maker's, which ccxt turns
                agrees(trade, traded[trade["id"]], 1_000_000 if name == "bitstamp" else 1_000)


@pytest.mark.parametrize("name", list(MARKETS_OF))
async def test_ccxt_reads_the_markets(name: str) -> None:
    async with trading(name) as exchange, ccxt_of(name, exchange) as client:
        await client.load_markets()
        for item in MARKETS_OF[name]:
            read = client.market(f"{item.base_asset}/{item.quote_asset}")
            assert read["id"] == (item.symbol.lower() if name == "bitstamp" else item.symbol)
            assert Decimal(str(read["precision"]["price"])) == Decimal(item.tick_size) / ONE
            assert Decimal(str(read["precision"]["amount"])) == Decimal(item.step_size) / ONE
            assert Decimal(str(read["limits"]["cost"]["min"])) == Decimal(item.min_notional) / ONE
            assert read["active"]


async def test_ccxt_walks_down_the_pages_of_coinbase() -> None:
    async with trading("coinbase") as exchange, ccxt_of("coinbase", exchange) as client:
        await asyncio.sleep(1)
        newest = await client.fetch_trades("BTC/USD", limit=10)
        lower = await client.fetch_trades("BTC/USD", limit=10, params={"after": newest[0]["id"]})
        ids = [int(trade["id"]) for trade in lower + newest]
        assert ids == list(range(ids[0], ids[0] + 20))


async def test_python_binance_streams_and_asks() -> None:
    async with trading("binance") as exchange:
        client = binance.AsyncClient()
        client.API_URL = f"{exchange.rest_url}/api"
        sockets = binance.BinanceSocketManager(client)
        sockets.STREAM_URL = f"{exchange.stream_url}/"
        try:
            async with sockets.multiplex_socket(["xrpusdt@trade", "btcusdt@trade"]) as socket:
                seen = [(await asyncio.wait_for(socket.recv(), DEADLINE_S))["data"] for _ in range(ENOUGH)]
            old = await client.get_historical_trades(symbol="XRPUSDT", fromId=1_000_001, limit=5)
            info = await client.get_symbol_info("XRPUSDT")
        finally:
            await client.close_connection()
        traded = made(exchange, "binance")
    for event in seen:
        if event["s"] == "XRPUSDT":
            trade = traded[str(event["t"])]
            assert (event["m"], event["T"]) == (trade.buyer_is_maker, trade.trade_time // 1_000)
            assert Decimal(event["p"]) == Decimal(trade.price) / ONE
    assert {event["s"] for event in seen} == {"XRPUSDT", "BTCUSDT"}
    assert [row["id"] for row in old] == list(range(1_000_001, 1_000_006))
    assert info is not None
    assert info["baseAsset"] == "XRP"
