"""Trading started, stopped and shut down by the command, and taken up again by a worker that was ended or killed."""

import json
import signal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from infra.config import Config
from schemas import topics
from schemas.records import Fill, Order, TradingStatus
from streams.audit.audit import audit
from streams.cli.main import app
from streams.trading.strategy import COUNT
from tests.e2e.workers import Pipeline, partition_of, running_pipeline
from tests.samples import setup


@pytest.fixture(scope="module")
def pipeline(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_pipeline(stack, tmp_path_factory.mktemp("life"), "life") as running:
        yield running


def switched(pipeline: Pipeline, instrument: str, verb: str) -> None:
    """`hedgehog trading VERB`, until the leader has taken it."""
    before = len(pipeline.journal(instrument))
    pipeline.hedgehog("trading", verb, instrument)
    pipeline.until(f"{instrument} takes {verb}", lambda: len(pipeline.journal(instrument)) > before)


def running(pipeline: Pipeline, instrument: str) -> int:
    """How many traders the leader runs, as it was last stored."""
    head = pipeline.leader(instrument)["leader"][0]
    return int(head[COUNT])


def test_start_stop_and_shutdown(pipeline: Pipeline) -> None:
    instrument = "test:LIFEUSDT"
    pipeline.set_all(*setup(instrument, status=TradingStatus.OFF))

    # Started: it trades.
    switched(pipeline, instrument, "start")
    pipeline.trade(instrument, "100")
    pipeline.until_statuses(instrument, b1="NEW")

    # Stopped: the open order is cancelled, and the market makes no order any more.
    switched(pipeline, instrument, "stop")
    pipeline.until_statuses(instrument, b1="CANCELED")
    pipeline.trade(instrument, "50", "100")

    # Started again: a new trader, which does not see what was before.
    switched(pipeline, instrument, "start")
    pipeline.trade(instrument, "100")
    pipeline.until_statuses(instrument, b1="CANCELED", b2="NEW")

    # Shut down: the running trader finishes, and with it the leader.
    switched(pipeline, instrument, "shutdown")
    pipeline.trade(instrument, "98")
    pipeline.until_statuses(instrument, b1="CANCELED", b2="FILLED", s2="NEW")
    pipeline.trade(instrument, "101")
    pipeline.until_statuses(instrument, b1="CANCELED", b2="FILLED", s2="FILLED")
    pipeline.trade(instrument, "100")
    (row,) = pipeline.hedgehog("trading", "status", instrument)
    assert (row["status"], row["leader"], row["traders"]) == ("shutdown", "off", 0)
    assert len(pipeline.orders(instrument)) == 3


def test_an_order_that_a_filter_forbids_is_refused_and_logged_by_name(pipeline: Pipeline) -> None:
    instrument = "test:TINYUSDT"
    pipeline.set_all(*setup(instrument, min_notional="200"))
    pipeline.until("the leader is on", lambda: pipeline.knows(instrument))
    pipeline.trade(instrument, "100", "100", "100")
    pipeline.until_statuses(instrument, b1="REJECTED")
    assert pipeline.orders(instrument)["1:B"].reason == "MIN_NOTIONAL"
    logged = [line for line in pipeline.fleet.log("worker").splitlines() if "refused" in line]
    assert len(logged) == 1
    assert f"{instrument}:1:B refused: MIN_NOTIONAL: price 99, quantity 1" in logged[0]
    # Once the exchange allows it, it has a successor, which trades.
    pipeline.set_all(setup(instrument).instrument)
    pipeline.until("the leader takes it", lambda: pipeline.leader(instrument)["instrument"]["min_notional"] == 0)
    pipeline.trade(instrument, "100")
    pipeline.until_statuses(instrument, b1="REJECTED", b2="NEW")


def test_a_sell_that_was_refused_is_placed_again_and_positions_tell_what_is_held(pipeline: Pipeline) -> None:
    instrument = "test:AGAINUSDT"
    pipeline.set_all(*setup(instrument, max_price="100", fee="0.001"))
    pipeline.until("the leader is on", lambda: pipeline.knows(instrument))
    pipeline.trade(instrument, "100")
    pipeline.until_statuses(instrument, b1="NEW")
    pipeline.trade(instrument, "98")
    pipeline.until_statuses(instrument, b1="FILLED", s1="REJECTED")
    (row,) = pipeline.hedgehog("positions", instrument)
    assert {name: row[name] for name in ("position", "cost", "last_price", "unrealised_profit", "realised_profit")} == {
        "position": "1",
        "cost": "99.099",
        "last_price": "98",
        "unrealised_profit": "-1.099",
        "realised_profit": "0",
    }
    pipeline.set_all(setup(instrument).instrument)
    pipeline.until("the leader takes it", lambda: pipeline.leader(instrument)["instrument"]["max_price"] == 0)
    pipeline.trade(instrument, "98")
    pipeline.until("another SELL", lambda: "1:S2" in pipeline.orders(instrument))
    assert pipeline.orders(instrument)["1:S2"].status == "NEW"
    pipeline.trade(instrument, "102")
    pipeline.until("it is filled", lambda: pipeline.orders(instrument)["1:S2"].status == "FILLED")
    switched(pipeline, instrument, "stop")
    (row,) = pipeline.hedgehog("positions", instrument)
    sold = Decimal(pipeline.orders(instrument)["1:S2"].price).scaleb(-8)
    assert (row["position"], row["status"]) == ("0", "off")
    assert Decimal(row["realised_profit"]) == sold * Decimal("0.999") - Decimal("99.099")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_takes_up_where_the_one_before_left(pipeline: Pipeline, how: signal.Signals) -> None:
    instrument = f"test:{how.name}USDT"
    pipeline.set_all(*setup(instrument))
    pipeline.until("the leader is on", lambda: pipeline.knows(instrument))
    pipeline.trade(instrument, "100")
    pipeline.until_statuses(instrument, b1="NEW")
    pipeline.trade(instrument, "94")
    pipeline.until("a rebuy", lambda: running(pipeline, instrument) == 2)
    pipeline.until_statuses(instrument, b1="FILLED", s1="NEW")

    pipeline.stop_worker(how)
    # While nobody is there the market goes on, and someone turns the next instrument on.
    late = f"test:LATE{how.name}USDT"
    pipeline.set_all(*setup(late))
    pipeline.trade(instrument, "102")
    pipeline.start_worker()
    pipeline.wait_until_ready()

    # The SELL was filled, the second trader bought, the replacement of the first waits for its trade.
    pipeline.until_statuses(instrument, b1="FILLED", s1="FILLED", b2="NEW")
    pipeline.trade(instrument, "103")
    pipeline.until_statuses(instrument, b1="FILLED", s1="FILLED", b2="NEW", b3="NEW")
    pipeline.until("the other leader is on", lambda: pipeline.knows(late))
    pipeline.trade(late, "100")
    pipeline.until_statuses(late, b1="NEW")


def test_the_recorded_inputs_give_the_recorded_orders(pipeline: Pipeline) -> None:
    result = audit(pipeline.config)
    assert result.differences == []
    instruments = {order.instrument for order in pipeline.records(topics.ORDERS, Order)}
    assert result.instruments == len(instruments)
    assert result.unproven == []
    assert result.reports == len({fill.fill_id for fill in pipeline.records(topics.FILLS, Fill)})


def test_one_instrument_is_audited_and_one_order_explained(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in pipeline.fleet.environment("cli").items():
        monkeypatch.setenv(name, value)

    def hedgehog(line: str) -> tuple[int, Any]:
        result = CliRunner().invoke(app, [*line.split(), "--json"])
        return result.exit_code, json.loads(result.stdout)

    code, one = hedgehog("audit --symbol sigtermusdt")
    assert (code, one["differences"]) == (0, [])
    assert (one["instruments"], one["trades"], one["settings"], one["seeds"]) == (1, 4, 1, 1)
    assert one["orders"] == len(pipeline.orders("test:SIGTERMUSDT"))

    code, found = hedgehog("explain sigtermusdt:2:b")
    assert (code, found["differences"]) == (0, [])
    assert found["start"]["why"] == "one more: the price 94 is below the rebuy level of trader 1"
    (placed,) = found["snapshots"]
    assert placed["recorded"].pop("epoch") > 0
    assert placed["recorded"] == placed["replayed"]
    assert (placed["event"]["price"], placed["event"]["topic"]) == ("102", topics.TRADES.full_name(pipeline.config))
    price, quantity, _ = placed["arithmetic"]
    assert (price["exact"], price["result"]) == ("100.98", "100.98")
    assert (quantity["exact"], quantity["result"]) == ("0.990295107…", "0.9")

    # Somebody writes another content under the version of this order.
    order = pipeline.orders("test:SIGTERMUSDT")["2:B"]
    forged = pipeline.codecs[Order].encode(replace(order, price=1))
    pipeline.write_raw(
        topics.ORDERS, order.instrument, forged, partition_of(order.instrument, pipeline.config.partitions)
    )
    code, one = hedgehog("audit --symbol sigtermusdt")
    assert (code, [difference["version"] for difference in one["differences"]]) == (1, [order.version])
    code, found = hedgehog("explain sigtermusdt:2:b")
    assert (code, [difference["version"] for difference in found["differences"]]) == (1, [order.version])
    assert "price 0.00000001" in found["differences"][0]["recorded"]

    # Somebody writes a fill that the exchange never reported.
    report = pipeline.records(topics.FILLS, Fill, order.instrument)[-1]
    false = pipeline.codecs[Fill].encode(replace(report, fill_id="false", version=report.version + 100))
    pipeline.write_raw(
        topics.FILLS, order.instrument, false, partition_of(order.instrument, pipeline.config.partitions)
    )
    code, one = hedgehog("audit --symbol sigtermusdt")
    (invented,) = [difference for difference in one["differences"] if difference["agent"] == "exchange"]
    assert (code, invented["version"], invented["replayed"]) == (1, report.version + 100, None)
    assert invented["recorded"].startswith("false TRADE ")
