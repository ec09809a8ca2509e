"""The REST calls of the local exchange, over HTTP."""

import asyncio

import httpx
import msgspec

from producers.binance.exchange_info import load_exchange_info
from producers.local_exchange.server import LocalExchange, Play
from producers.local_exchange.simulated import MARKETS, simulated_trades
from tests.unit.producers.feeds import START, until


async def test_rest_calls_of_the_local_exchange() -> None:
    trades = [trade for _, trade in zip(range(2_000), simulated_trades(3, 100, START), strict=False)]
    exchange = LocalExchange([m.instrument() for m in MARKETS], Play(lambda: iter(trades), None))
    await exchange.start()
    try:
        await until(exchange.finished.is_set)
        async with httpx.AsyncClient(base_url=exchange.rest_url, trust_env=False) as client:
            (await client.get("/api/v3/ping")).raise_for_status()
            server_time = (await client.get("/api/v3/time")).json()["serverTime"]
            assert 10**12 < server_time < 10**13
            micros_header = {"X-MBX-TIME-UNIT": "MICROSECOND"}
            own = [trade for trade in trades if trade.symbol == "XRPUSDT"]
            query = {"symbol": "XRPUSDT", "fromId": own[5].trade_id, "limit": 3}
            rows = (await client.get("/api/v3/historicalTrades", params=query, headers=micros_header)).json()
            assert [(row["id"], row["time"]) for row in rows] == [(t.trade_id, t.trade_time) for t in own[5:8]]
            latest = (await client.get("/api/v3/historicalTrades", params={"symbol": "XRPUSDT"})).json()
            assert [row["id"] for row in latest] == [trade.trade_id for trade in own[-500:]]
            for path, params, code in [
                ("/api/v3/historicalTrades", {}, -1102),
                ("/api/v3/historicalTrades", {"symbol": "NONE"}, -1121),
                ("/api/v3/historicalTrades", {"symbol": "XRPUSDT", "limit": "x"}, -1100),
                ("/api/v3/exchangeInfo", {"symbol": "NONE"}, -1121),
            ]:
                refused = await client.get(path, params=params)
                assert (refused.status_code, refused.json()["code"]) == (400, code)
            body = (await client.get("/api/v3/exchangeInfo")).content
    finally:
        await exchange.stop()
    assert len(msgspec.json.decode(body)["symbols"]) == len(MARKETS)


async def test_exchange_info_over_the_wire_is_what_the_markets_are() -> None:
    markets = [market.instrument() for market in MARKETS]
    exchange = LocalExchange(markets, Play(lambda: iter(()), None))
    await exchange.start()
    try:
        assert await asyncio.to_thread(load_exchange_info, exchange.rest_url) == markets
    finally:
        await exchange.stop()
