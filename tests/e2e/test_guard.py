"""The dead-man switch and the halt, on real processes: what they stop stays stopped, whatever workers do."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.config import Config
from producers import settings_topic
from schemas import topics
from schemas.records import Fill, TradingStatus
from streams.agents.exchange import EXCHANGE
from streams.agents.trading import TRADING
from streams.trading.book import STOPPED
from tests.e2e.workers import READY_TIMEOUT_S, Pipeline, pipeline_at_rest
from tests.samples import NINE_TRADES, nine_trade_setup

FROZEN, OTHER = "test:FROZENUSDT", "test:OTHERUSDT"
HALTED_WITHIN_S = 60.0
NO_WATCH = {"HEDGEHOG_GUARD_STALE_S": "0", "HEDGEHOG_GUARD_HEARTBEAT_S": "0"}


@pytest.fixture
def pipeline(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with pipeline_at_rest(stack, tmp_path_factory.mktemp("guard"), "guard") as pipeline:
        yield pipeline


@contextmanager
def guarding(pipeline: Pipeline, folder: Path, **variables: str) -> Iterator[Path]:
    """`hedgehog guard` with these variables; its log. It has to end within seconds of SIGTERM."""
    log = folder / "guard.log"
    environment = {**pipeline.fleet.environment("guard"), **NO_WATCH, **variables}
    with log.open("wb") as out:
        command = [sys.executable, "-m", "streams.cli.main", "guard"]
        guard = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        pipeline.until("the guard watches", lambda: "watching" in log.read_text(), READY_TIMEOUT_S)
        yield log
        guard.send_signal(signal.SIGTERM)
        assert guard.wait(15) == 0, log.read_text()
    finally:
        if guard.poll() is None:
            guard.kill()
            guard.wait()


def status_of(pipeline: Pipeline, instrument: str) -> tuple[TradingStatus, bool]:
    found = settings_topic.read_all(pipeline.config)[instrument]
    return found.status, found.halted


def ends(pipeline: Pipeline) -> list[tuple[str, str | None]]:
    """What the book has reported of the frozen worker's orders."""
    return [(fill.execution_type.value, fill.reason) for fill in pipeline.records(topics.FILLS, Fill, FROZEN)]


def begin_trading(pipeline: Pipeline) -> None:
    """Start a worker, and let both instruments have an open order."""
    pipeline.start_worker()
    pipeline.wait_until_ready()
    for instrument in (FROZEN, OTHER):
        pipeline.set_all(*nine_trade_setup(instrument))
        pipeline.until("the leader is on", lambda key=instrument: pipeline.knows(key))  # type: ignore[misc]
        pipeline.trade(instrument, *NINE_TRADES[:3])
        pipeline.until_statuses(instrument, b1="NEW")


def test_what_a_frozen_worker_has_ordered_is_cancelled_and_stays_so(pipeline: Pipeline, tmp_path: Path) -> None:
    """The worker that trades is stopped by SIGSTOP; the exchange, a process of its own, goes on."""
    pipeline.fleet.start("trader", "trading")
    pipeline.fleet.start("exchange", "exchange")
    pipeline.wait_until_ready(1, "trading", TRADING.inputs)
    pipeline.wait_until_ready(1, "exchange", EXCHANGE.inputs)
    pipeline.set_all(*nine_trade_setup(FROZEN))
    pipeline.until("the leader is on", lambda: pipeline.knows(FROZEN))
    pipeline.trade(FROZEN, *NINE_TRADES[:3])
    pipeline.until_statuses(FROZEN, b1="NEW")

    with guarding(pipeline, tmp_path, HEDGEHOG_GUARD_HEARTBEAT_S="5") as log:
        pipeline.fleet.signal("trader", signal.SIGSTOP)
        began = time.monotonic()
        pipeline.trade(FROZEN, *NINE_TRADES[:2])  # there is something to do, and nobody does it
        pipeline.until("the book has cancelled", lambda: pipeline.resting(FROZEN) == set(), HALTED_WITHIN_S)
        print(f"halted and cancelled {time.monotonic() - began:.1f} s after SIGSTOP")
        assert status_of(pipeline, FROZEN) == (TradingStatus.OFF, True)
        pipeline.until("the book says so", lambda: ends(pipeline) == [("CANCELED", STOPPED)])
        pipeline.until("the guard says so", lambda: f"HALTED {FROZEN}: " in log.read_text())
        pipeline.trade(FROZEN, *NINE_TRADES[3:5])  # these would have filled it
        pipeline.fleet.signal("trader", signal.SIGCONT)
        pipeline.until("its leader is off", lambda: pipeline.statuses(FROZEN) == {"1:B": "CANCELED"}, HALTED_WITHIN_S)

    pipeline.trade(FROZEN, *NINE_TRADES[5:])
    pipeline.until("the leader has no order", lambda: pipeline.leader(FROZEN)["orders"] == {})
    assert pipeline.statuses(FROZEN) == {"1:B": "CANCELED"}
    assert ends(pipeline) == [("CANCELED", STOPPED)]
    done = pipeline.hedgehog("audit")
    assert (done["differences"], done["unproven"]) == ([], [])


@pytest.mark.long
def test_a_silent_feed_halts_its_instrument_alone(pipeline: Pipeline, tmp_path: Path) -> None:
    begin_trading(pipeline)

    with guarding(pipeline, tmp_path, HEDGEHOG_GUARD_STALE_S="8") as log:
        deadline = time.monotonic() + HALTED_WITHIN_S
        while "HALTED" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            pipeline.trade(OTHER, NINE_TRADES[0])
            time.sleep(0.2)
        pipeline.until("the order is cancelled", lambda: pipeline.statuses(FROZEN) == {"1:B": "CANCELED"})
        assert f"HALTED {FROZEN}: no trade for more than 8 s" in log.read_text()
    assert status_of(pipeline, FROZEN) == (TradingStatus.OFF, True)
    assert status_of(pipeline, OTHER) == (TradingStatus.ON, False)
    assert pipeline.statuses(OTHER) == {"1:B": "NEW"}


@pytest.mark.long
def test_a_loss_of_all_together_halts_all(pipeline: Pipeline, tmp_path: Path) -> None:
    begin_trading(pipeline)
    with guarding(pipeline, tmp_path, HEDGEHOG_TOTAL_LOSS_LIMIT="1") as log:
        pipeline.trade(FROZEN, *NINE_TRADES[3:5])  # bought for 20 at 0.4307, a fee of 0.02
        pipeline.until_statuses(FROZEN, b1="FILLED", s1="NEW")
        pipeline.trade(FROZEN, "0.43")
        assert status_of(pipeline, FROZEN) == (TradingStatus.ON, False)
        pipeline.trade(FROZEN, "0.40")  # 1.42 lost
        pipeline.until("all is halted", lambda: "HALTED" in log.read_text())
        assert f"HALTED {FROZEN}, {OTHER}: a loss of 1." in log.read_text()
        pipeline.until("the SELL is cancelled", lambda: pipeline.statuses(FROZEN)["1:S"] == "CANCELED")
        pipeline.until("the BUY is cancelled", lambda: pipeline.statuses(OTHER) == {"1:B": "CANCELED"})
    for instrument in (FROZEN, OTHER):
        assert status_of(pipeline, instrument) == (TradingStatus.OFF, True)


def test_a_halt_holds_until_each_is_started_by_its_name(pipeline: Pipeline) -> None:
    begin_trading(pipeline)

    rows = pipeline.hedgehog("trading", "halt", "--all")
    assert [(row["instrument"], row["before"], row["status"]) for row in rows] == [
        (FROZEN, "on", "off"),
        (OTHER, "on", "off"),
    ]
    for instrument in (FROZEN, OTHER):
        assert status_of(pipeline, instrument) == (TradingStatus.OFF, True)
        pipeline.until("it is cancelled", lambda key=instrument: pipeline.statuses(key) == {"1:B": "CANCELED"})  # type: ignore[misc]
    assert pipeline.hedgehog("trading", "halt", "--all") == []

    pipeline.stop_worker(signal.SIGKILL)
    pipeline.start_worker()
    pipeline.wait_until_ready()
    pipeline.trade(FROZEN, *NINE_TRADES)
    command = [sys.executable, "-m", "streams.cli.main", "trading", "start", "--all", "--yes"]
    refused = subprocess.run(
        command, env=pipeline.fleet.environment("cli"), capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert "--all: FROZENUSDT, OTHERUSDT were halted" in refused.stderr
    pipeline.hedgehog("trading", "start", FROZEN)
    pipeline.until("it trades again", lambda: pipeline.trades_on(FROZEN))
    pipeline.trade(FROZEN, *NINE_TRADES[:3])
    pipeline.until("a new trader buys", lambda: pipeline.statuses(FROZEN) == {"1:B": "CANCELED", "2:B": "NEW"})
    assert pipeline.statuses(OTHER) == {"1:B": "CANCELED"}
    assert status_of(pipeline, OTHER) == (TradingStatus.OFF, True)
