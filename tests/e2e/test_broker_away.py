"""A broker that is killed under a producer: what it costs in lines, what is waited for, and what the last words say."""

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.config import Config
from infra.native.backend import NativeBackend
from infra.stack import Stack
from producers.recorded.files import read_trades
from schemas.broker import create_topics, delete_topics
from schemas.registry import register_all
from tests.e2e.test_producers_service import _start, by_symbol, exchange_of, market, switch, trades_in_topic, until

SYMBOLS = ["XRPUSDT", "ETHUSDT"]
AWAY_S = 20.0
CONTAINER_S = 10.0
"""A container runtime kills so long after SIGTERM."""


@pytest.fixture
def config(stack: Config) -> Iterator[Config]:
    """A world of its own on the stack's broker."""
    config = stack.model_copy(update={"topic_prefix": f"away-{time.time_ns()}-", "partitions": 3})
    create_topics(config)
    register_all(config)
    switch(config, SYMBOLS)
    yield config
    delete_topics(config)


def kill_broker(config: Config) -> None:
    broker = NativeBackend(config).daemon("broker").pid()
    if broker is None:
        pytest.skip("the broker is no process of this machine")
    os.kill(broker, signal.SIGKILL)


def bring_back(config: Config) -> None:
    Stack(config).up(lambda _: None)


async def ended(process: subprocess.Popen[str]) -> tuple[str, float]:
    """What a producer said until its end after SIGTERM, and how long that took."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    output, _ = await asyncio.to_thread(process.communicate, timeout=60)
    return output, time.monotonic() - began


@pytest.mark.long
async def test_a_broker_that_comes_back_costs_no_trade_and_few_lines(config: Config, tmp_path: Path) -> None:
    journal = tmp_path / "sent.csv"
    async with exchange_of(market(None, journal, 300)) as exchange:
        process = _start(config, ["-m", "producers"], exchange.stream_url)
        try:
            await until(lambda: exchange.sent.total() > 200)
            kill_broker(config)
            await asyncio.sleep(AWAY_S)
            await asyncio.to_thread(bring_back, config)
            mark = exchange.sent.total()
            await until(lambda: exchange.sent.total() > mark + 500)
            output, took_s = await ended(process)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, output
    assert took_s < CONTAINER_S
    assert output.count("does not answer") in (
        1,
        2,
    )  # a line a minute, and a slow machine takes longer to bring it back
    assert len(re.findall(r"the broker at \S+ is back after \d+ s", output)) == 1
    assert len([line for line in output.splitlines() if " INFO " not in line]) <= 4, output
    received = await asyncio.to_thread(trades_in_topic, config)
    assert by_symbol(received) == by_symbol(list(read_trades(journal)))


@pytest.mark.long
async def test_one_that_stays_away_is_told_with_the_true_count_in_time(config: Config, tmp_path: Path) -> None:
    async with exchange_of(market(None, tmp_path / "sent.csv", 300)) as exchange:
        process = _start(config, ["-m", "producers"], exchange.stream_url)
        try:
            await until(lambda: exchange.sent.total() > 200)
            kill_broker(config)
            await asyncio.sleep(3)
            output, took_s = await ended(process)
        finally:
            process.kill()
            process.wait()
            await asyncio.to_thread(bring_back, config)
        sent = exchange.sent.total()
    assert process.returncode == 1, output
    assert took_s < CONTAINER_S
    found = re.search(r"TRADES LOST: (\d+) of (\d+) records not acknowledged by the broker", output)
    assert found, output
    lost, published = map(int, found.groups())
    assert published == sent
    received = len(await asyncio.to_thread(trades_in_topic, config))
    # One that was written just before may be unacknowledged.
    assert sent - received <= lost < sent
