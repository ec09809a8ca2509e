"""Each agent in a worker of its own, as `HEDGEHOG_AGENTS` chooses; and no agent in two worlds of workers at once."""

from collections.abc import Iterator

import pytest

from infra.config import Config
from streams.agents.exchange import EXCHANGE
from streams.agents.trading import TRADING
from tests.e2e.workers import Pipeline, pipeline_at_rest
from tests.samples import NINE_TRADES, nine_trade_setup

INSTRUMENT = "test:APARTUSDT"


@pytest.fixture
def pipeline(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with pipeline_at_rest(stack, tmp_path_factory.mktemp("apart"), "apart") as pipeline:
        yield pipeline


@pytest.mark.long
def test_two_workers_with_an_agent_each_trade_and_a_third_with_both_is_refused(pipeline: Pipeline) -> None:
    pipeline.fleet.start("trader", "trading")
    pipeline.fleet.start("exchange", "exchange")
    pipeline.wait_until_ready(1, "trading", TRADING.inputs)
    pipeline.wait_until_ready(1, "exchange", EXCHANGE.inputs)
    pipeline.set_all(*nine_trade_setup(INSTRUMENT))
    pipeline.until("the leader is on", lambda: bool(pipeline.leader(INSTRUMENT)))
    pipeline.trade(INSTRUMENT, *NINE_TRADES[:3])
    pipeline.until_statuses(INSTRUMENT, b1="NEW")
    pipeline.trade(INSTRUMENT, *NINE_TRADES[3:5])
    pipeline.until_statuses(INSTRUMENT, b1="FILLED", s1="NEW")

    pipeline.fleet.start("both")
    assert pipeline.fleet.ended("both") == 1
    log = pipeline.fleet.log("both")
    assert "hedgehog: agents: " in log
    assert "already run by workers with the agents" in log
    assert "Traceback" not in log
    pipeline.fleet.start("unknown", "mining")
    assert pipeline.fleet.ended("unknown") == 1
    assert "agents: 'mining' is none of trading, exchange, market" in pipeline.fleet.log("unknown")
