"""`trading stop` typed beside `settings set`, fifty times over: each stop that was acknowledged holds.

Long, since every command is a process of its own, as somebody types it.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from infra.config import Config
from producers.settings_topic import change, read_all, read_setups
from schemas.records import Settings, TradingStatus
from tests.e2e.workers import Pipeline, running_pipeline
from tests.samples import setup

INSTRUMENT = "test:FIFTYUSDT"
ROUNDS = 50
HEDGEHOG = str(Path(sys.executable).with_name("hedgehog"))
COMMAND_S = 300


def switch_on(config: Config) -> None:
    """As `hedgehog trading start` does, and no process."""
    before = read_setups(config)[INSTRUMENT].settings
    change(config, [(before, msgspec.structs.replace(before, status=TradingStatus.ON))])


def typed(pipeline: Pipeline, *words: str) -> None:
    """Type a command and wait for it to end well, however long that takes on a busy machine."""
    environment = pipeline.fleet.environment("cli")
    done = subprocess.run(
        [HEDGEHOG, *words], env=environment, capture_output=True, text=True, timeout=COMMAND_S, check=False
    )
    assert done.returncode == 0, f"hedgehog {' '.join(words)}: {done.stdout}{done.stderr}"


def obeyed(pipeline: Pipeline) -> tuple[str, int]:
    """What the leader, as it was last stored, does, and with how many traders."""
    stored: Settings = msgspec.convert(pipeline.leader(INSTRUMENT)["settings"], Settings)
    return stored.status, stored.chunks


@pytest.mark.long
@pytest.mark.timeout(3_000)
def test_fifty_stops_typed_beside_fifty_sets_hold(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_pipeline(stack, tmp_path_factory.mktemp("fifty"), "fifty") as pipeline, ThreadPoolExecutor(2) as pool:
        pipeline.set_all(*setup(INSTRUMENT, status=TradingStatus.ON))
        pipeline.until("the leader is on", lambda: pipeline.knows(INSTRUMENT))
        for number in range(ROUNDS):
            switch_on(pipeline.config)
            chunks = 2 + number % 7
            commands = (
                ("trading", "stop", INSTRUMENT, "--yes"),
                ("settings", "set", INSTRUMENT, "--chunks", f"{chunks}"),
            )
            for done in [pool.submit(typed, pipeline, *command) for command in commands]:
                done.result()
            held = read_all(pipeline.config)[INSTRUMENT]
            assert (number, held.status, held.chunks) == (number, TradingStatus.OFF, chunks)
            pipeline.until(
                f"the leader has obeyed round {number}",
                lambda wanted=chunks: obeyed(pipeline) == (TradingStatus.OFF, wanted),  # type: ignore[misc]
            )
