"""Two commands that change settings at once: whichever was acknowledged holds, and says so after compaction too."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import msgspec
import pytest

from infra.config import Config
from producers.settings_topic import change, read_all, read_setups, write
from schemas.broker import create_topics, delete_topics
from schemas.compacted import CompactedTopics
from schemas.records import Settings, TradingStatus
from schemas.registry import register_all
from schemas.topics import SETTINGS
from tests.e2e.workers import Pipeline
from tests.faults.fleet import Fleet
from tests.samples import setup

INSTRUMENT = "test:RACEUSDT"
ROUNDS = 15


@pytest.fixture
def config(stack: Config) -> Iterator[Config]:
    config = stack.model_copy(update={"topic_prefix": f"race-{time.time_ns()}-", "partitions": 1})
    create_topics(config)
    register_all(config)
    write(config, setup(INSTRUMENT, status=TradingStatus.ON))
    yield config
    delete_topics(config)


@pytest.mark.long
def test_changes_of_two_that_knew_the_same_both_hold(config: Config) -> None:
    for number in range(ROUNDS):
        change_all(config, status=TradingStatus.ON)
        together = Barrier(3)
        values = ({"status": TradingStatus.OFF}, {"budget": 1_000 + number}, {"streaming": number % 2 == 0})
        with ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(change_all, config, together, **each) for each in values]:
                done.result()
        held = read_all(config)[INSTRUMENT]
        assert (held.status, held.budget) == (TradingStatus.OFF, 1_000 + number)
        assert held.streaming == (number % 2 == 0)
        assert last_record(config).says_all_of(held)


def test_a_stop_typed_beside_a_set_holds(config: Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Fleet(config, tmp_path_factory.mktemp("race")) as fleet, ThreadPoolExecutor(2) as pool:
        typing = Pipeline(config, fleet)
        for number in range(3):
            change_all(config, status=TradingStatus.ON)
            commands = (
                ("trading", "stop", INSTRUMENT, "--yes"),
                ("settings", "set", INSTRUMENT, "--chunks", f"{2 + number}"),
            )
            for done in [pool.submit(typing.hedgehog, *command) for command in commands]:
                done.result()
            held = read_all(config)[INSTRUMENT]
            assert (held.status, held.chunks) == (TradingStatus.OFF, 2 + number)
        typing.close()


def change_all(config: Config, together: Barrier | None = None, **values: Any) -> None:
    """Change settings as a command does: by what is known when it begins."""
    before = read_setups(config)[INSTRUMENT].settings
    if together is not None:
        together.wait(30)
    change(config, [(before, msgspec.structs.replace(before, updated_time=time.time_ns() // 1_000, **values))])


def last_record(config: Config) -> Settings:
    """What compaction leaves."""
    with CompactedTopics(config, [SETTINGS]) as reader:
        records = [record for _, record in reader.present() if isinstance(record, Settings)]
    return records[-1]
