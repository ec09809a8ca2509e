"""The REST calls of the local exchange, over HTTP."""

import asyncio

import httpx
import msgspec
import pytest

from producers.exchanges import LISTERS
from producers.local_exchange.dialects import DIALECTS
from producers.local_exchange.faults import HttpFault, http_date
from producers.local_exchange.server import LocalExchange, Play
from producers.local_exchange.simulated import MARKETS, MARKETS_OF, simulated_trades
from schemas.units import AMOUNT_MAX
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
            assert (await client.get("/api/v3/trades", params={"symbol": "XRPUSDT"})).json() == latest
            aggregates = (await client.get("/api/v3/aggTrades", params=query)).json()
            assert [row["a"] for row in aggregates] == [trade.trade_id for trade in own[5:8]]
            (ticker,) = (await client.get("/api/v3/ticker/24hr", params={"symbols": '["XRPUSDT"]'})).json()
            assert ticker["lastId"] == own[-1].trade_id
            assert len((await client.get("/api/v3/ticker/24hr", params={"type": "MINI"})).json()) == len(MARKETS)
            for path, params, code in [
                ("/api/v3/trades", {}, -1102),
                ("/api/v3/ticker/24hr", {"symbols": '["NONE"]'}, -1121),
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


@pytest.mark.parametrize("name", list(MARKETS_OF))
async def test_what_is_seeded_over_the_wire_is_what_the_markets_are(name: str) -> None:
    markets = [market.instrument() for market in MARKETS_OF[name]]
    exchange = LocalExchange(markets, Play(lambda: iter(()), None), dialect=DIALECTS[name])
    await exchange.start()
    try:
        found, left_out = await asyncio.to_thread(LISTERS[name].ask, exchange.rest_url)
    finally:
        await exchange.stop()
    # what an exchange does not say is as a record has it
    unsaid = (
        {} if name == "binance" else {"min_price": 0, "max_price": 0, "min_quantity": 0, "max_quantity": AMOUNT_MAX}
    )
    assert found == [msgspec.structs.replace(market, **unsaid) for market in markets]
    assert left_out == []


async def test_a_call_is_refused_on_demand_and_beyond_the_limit() -> None:
    exchange = LocalExchange([market.instrument() for market in MARKETS], Play(lambda: iter(()), None))
    await exchange.start()
    until_then = http_date(1_800_000_000)
    exchange.faults.calls.extend([HttpFault(429, "7"), HttpFault(418, until_then, "banned"), HttpFault(502)])
    try:
        async with httpx.AsyncClient(base_url=exchange.rest_url, trust_env=False) as client:
            query = {"symbol": "XRPUSDT"}
            answers = [await client.get("/api/v3/historicalTrades", params=query) for _ in range(4)]
            many = [await client.get("/api/v3/ticker/24hr") for _ in range(80)]
    finally:
        await exchange.stop()
    assert [answer.status_code for answer in answers] == [429, 418, 502, 200]
    assert [answer.headers.get("Retry-After") for answer in answers[:3]] == ["7", until_then, None]
    assert [answer.text for answer in answers[1:3]] == ["banned", "Bad Gateway"]
    # 25 and 80 of 6,000
    assert [answer.status_code for answer in many].count(429) == exchange.rest.throttled == 6
