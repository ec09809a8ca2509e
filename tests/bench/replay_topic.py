"""How fast the topic of trades is replayed: consumed, decoded, run and summed up; against reading it and no more."""

import asyncio
import gc
import json
import subprocess
import time
from collections.abc import Sequence

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.memory_records import MemoryRecords

from infra.config import Config
from schemas.records import Setup
from schemas.topics import TRADES
from streams.backtest.trial import try_settings
from streams.recordings.topic import from_topic
from tests.bench.compared import QUIX_PYTHON
from tests.bench.world import World

WITHIN_S = 120


def ours(config: Config, setups: Sequence[Setup]) -> tuple[int, float]:
    """Trades, and seconds to read those of all instruments and to run the setting of each; the engine is warm."""
    recordings = from_topic(config, [setups[0].key])
    try_settings(recordings[0], setups[0])
    began = time.perf_counter()
    recordings = from_topic(config, [each.key for each in setups])
    trials = [try_settings(recording, each) for recording, each in zip(recordings, setups, strict=True)]
    seconds = time.perf_counter() - began
    if not any(trial.result.orders for trial in trials):
        raise RuntimeError("no setting made an order: nothing was replayed")
    return sum(map(len, recordings)), seconds


def bare(config: Config, total: int) -> float:
    """Seconds to take all records of the topic from aiokafka, as it comes, and to look at none."""
    # our own reader has put lean records in their place
    fetcher.PartitionRecords, fetcher.MemoryRecords = PartitionRecords, MemoryRecords
    gc.disable()  # as our own reader does: the search for cycles would cost it more than the broker
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_bare(config, total))
    finally:
        gc.enable()


async def _bare(config: Config, total: int) -> float:
    name = TRADES.full_name(config)
    began = time.perf_counter()
    consumer = AIOKafkaConsumer(bootstrap_servers=config.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(name, number) for number in range(config.partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        async with asyncio.timeout(WITHIN_S):
            while total > 0:
                found = await consumer.getmany(timeout_ms=200)
                total -= sum(map(len, found.values()))
        return time.perf_counter() - began
    finally:
        await consumer.stop()


def quix(w: World, total: int) -> float:
    """Seconds in which Quix Streams hands all records of the topic, undecoded, to a function that does nothing."""
    argv = [str(QUIX_PYTHON), "-m", "tests.bench.replay_quix", str(total)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=WITHIN_S, env=w.environment)
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])
