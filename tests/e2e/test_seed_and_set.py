"""Seeds and settings written at once, by processes that know nothing of each other: neither loses the other's."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.config import Config
from producers.settings_topic import read_setups
from schemas.broker import create_topics, delete_topics
from schemas.records import Setup, TradingStatus
from tests.samples import units

SYMBOLS = [f"S{number}USDT" for number in range(6)]
TICKS = ("0.00100000", "0.00200000", "0.00400000", "0.00500000")


@pytest.fixture
def config(stack: Config) -> Iterator[Config]:
    config = stack.model_copy(update={"topic_prefix": f"at-once-{time.time_ns()}-", "partitions": 3})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in config.model_dump().items():
            patch.setenv(f"HEDGEHOG_{name.upper()}", str(value))
        create_topics(config)
        yield config
        delete_topics(config)


def hedgehog(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli.main", *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (words, done.stderr)


def exchange_info(path: Path, tick: str) -> Path:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000.00000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": "0.10000000", "maxQty": "900000.00000000", "stepSize": "0.10000000"},
    ]
    answer = [
        {"symbol": symbol, "status": "TRADING", "baseAsset": symbol[:2], "quoteAsset": "USDT", "filters": filters}
        for symbol in SYMBOLS
    ]
    path.write_text(json.dumps({"symbols": answer}))
    return path


def changes_of(number: int) -> list[tuple[str, ...]]:
    """What the user of one symbol does, one thing after the other."""
    symbol = SYMBOLS[number]
    return [
        ("settings", "set", symbol, "--chunks", f"{number + 1}"),
        ("streaming", "start", symbol),
        ("settings", "set", symbol, "--budget", f"{1_000 + number}", "--profit", "0.002"),
        ("trading", "start", symbol),
    ]


def as_set(number: int, setup: Setup) -> bool:
    settings = setup.settings
    return (settings.chunks, settings.budget, settings.profit_interval, settings.streaming, settings.status) == (
        *(number + 1, units(f"{1_000 + number}"), units("0.002"), True, TradingStatus.ON),
    )


@pytest.mark.long
@pytest.mark.timeout(600)
def test_seeding_and_setting_at_once_lose_nothing(config: Config, tmp_path: Path) -> None:
    hedgehog("settings", "seed", "--file", str(exchange_info(tmp_path / "first.json", "0.00010000")))
    seeds = [str(exchange_info(tmp_path / f"{tick}.json", tick)) for tick in TICKS]

    def use(number: int) -> None:
        for words in changes_of(number):
            hedgehog(*words)

    def seed(again: int) -> None:
        for file in seeds[again:] + seeds[:again]:
            hedgehog("settings", "seed", "--file", file)

    with ThreadPoolExecutor(len(SYMBOLS) + 3) as pool:
        for done in [pool.submit(use, number) for number in range(len(SYMBOLS))] + [
            pool.submit(seed, again) for again in range(3)
        ]:
            done.result()
    found = read_setups(config)
    assert len(found) == len(SYMBOLS)
    for number, symbol in enumerate(SYMBOLS):
        setup = found[f"binance:{symbol}"]
        assert as_set(number, setup), setup
        assert setup.instrument.tick_size in {units(tick) for tick in TICKS}
