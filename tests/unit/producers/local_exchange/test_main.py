"""The local exchange as a program: plays files and the simulated market, and keeps a journal of what it sent."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import httpx
import msgspec
import pytest

from infra.compiling import COMPILING
from producers.binance.client import Binance
from producers.binance.exchange_info import LISTER
from producers.local_exchange.__main__ import describe
from producers.local_exchange.simulated import MARKETS, simulated_trades
from producers.recorded.files import read_trades
from producers.session import Session
from schemas.records import Trade
from tests.unit.producers.feeds import DEADLINE_S, QUICK, client_of, until
from tests.unit.producers.recorded.test_files import HEADER

ROWS = [
    f"trade,{1_559_433_601_000 + n},XRPUSDT,{n + 1},{0.4285 + n % 7 * 0.0001:.8f},{(n % 9 + 1) / 10:.8f},{n},,"
    f"{1_559_433_600_999 + n},true"
    for n in range(500)
]


@asynccontextmanager
async def program(*arguments: str) -> AsyncIterator[tuple[subprocess.Popen[str], str]]:
    """The running program and its stream URL; it is stopped and its exit code checked at the end."""
    command = [sys.executable, "-m", "producers.local_exchange.__main__", "--port", "0", *arguments]
    process = subprocess.Popen(command, text=True, stderr=subprocess.PIPE)  # noqa: ASYNC220 - once
    try:
        assert process.stderr is not None
        async with asyncio.timeout(DEADLINE_S):
            line = await asyncio.to_thread(process.stderr.readline)
            if line.strip() == COMPILING:
                line = await asyncio.to_thread(process.stderr.readline)
        found = re.search(r"ws://\S+:\d+", line)
        assert found, line
        yield process, found.group()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, DEADLINE_S) == 0
    finally:
        process.kill()
        process.communicate()


async def test_a_recording_comes_out_as_it_went_in(tmp_path: Path) -> None:
    path, journal = tmp_path / "XRPUSDT-day.csv", tmp_path / "journal.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    arguments = ["--file", str(path), "--flat-out", "--wait-for-subscribers", "xrpusdt", "--journal", str(journal)]
    async with program(*arguments) as (_, url), httpx.AsyncClient(trust_env=False) as http:
        rest = url.replace("ws://", "http://")
        ((settings,), _) = await asyncio.to_thread(LISTER.ask, rest)
        assert (settings.symbol, settings.base_asset, settings.quote_asset) == ("XRPUSDT", "XRP", "USDT")
        assert (settings.tick_size, settings.step_size) == (10_000, 10_000_000)
        assert not (await http.get(f"{rest}/local/status")).json()["finished"]
        async with client_of(Session(Binance(url), QUICK), ["XRPUSDT"]) as client:
            await until(lambda: len(client.trades) == len(ROWS))
        status = (await http.get(f"{rest}/local/status")).json()
        assert status["finished"]
        assert status["sent"] == {"XRPUSDT": len(ROWS)}
    recorded = list(read_trades(path))
    assert list(read_trades(journal)) == recorded
    # The stream has no order ids any more.
    assert [msgspec.structs.replace(trade, received_time=0) for trade in client.trades] == [
        msgspec.structs.replace(trade, received_time=0, buyer_order_id=None) for trade in recorded
    ]


async def test_the_simulated_market_in_real_time() -> None:
    arguments = ["--seed", "4", "--rate", "500", "--count", "250", "--symbols", "ETHUSDT,PEPEUSDT"]
    async with (
        program(*arguments, "--wait-for-subscribers", "ETHUSDT,PEPEUSDT") as (_, url),
        client_of(Session(Binance(url), QUICK), ["ETHUSDT", "PEPEUSDT"]) as client,
    ):
        await until(lambda: len(client.trades) == 250)
    assert all(trade.received_time >= trade.event_time for trade in client.trades), "some came early"
    markets = (MARKETS[1], MARKETS[4])
    expected = islice(simulated_trades(4, 500, client.trades[0].event_time, markets), 250)
    assert [msgspec.structs.replace(trade, received_time=trade.event_time) for trade in client.trades] == list(expected)


def test_the_filters_are_those_that_the_trades_keep() -> None:
    def trade(symbol: str, price: int, quantity: int) -> Trade:
        return Trade(
            exchange="binance",
            symbol=symbol,
            price=price,
            quantity=quantity,
            trade_id=1,
            trade_time=1,
            event_time=1,
            received_time=1,
            buyer_is_maker=True,
        )

    ether, other = describe(iter([trade("ETHBTC", 300, 50), trade("ETHBTC", 700, 75), trade("ODD", 7, 7)]))
    assert (ether.base_asset, ether.quote_asset, ether.tick_size, ether.step_size) == ("ETH", "BTC", 100, 25)
    assert (other.base_asset, other.quote_asset) == ("ODD", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--file", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--symbols", "DOGEUSDT"], "--symbols: DOGEUSDT not among XRPUSDT"),
        (["--port", "70000"], "--port: 70000 is not between 0 and 65535"),
    ],
)
def test_what_cannot_be_played_is_one_line(arguments: list[str], message: str) -> None:
    command = [sys.executable, "-m", "producers.local_exchange.__main__", *arguments]
    done = subprocess.run(command, text=True, capture_output=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 1
    assert re.search(message, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "producers.local_exchange.__main__", "--port", port]
        done = subprocess.run(command, text=True, capture_output=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert port in done.stderr
    assert "Traceback" not in done.stderr
