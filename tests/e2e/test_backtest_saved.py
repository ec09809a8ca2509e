"""`hedgehog backtest run --save`, `list`, `show`, `compare`: what Postgres keeps of a run, exactly."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from typer.testing import CliRunner, Result

from infra.config import Config
from schemas.sql.migrate import upgrade
from streams.backtest import store
from streams.backtest.version import code_version
from streams.cli.main import app
from tests.e2e.sinks import database
from tests.samples import NINE_TRADES

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

TYPED = "--tick 0.0001 --step 0.1 --chunks 5 --budget 100 --buy-down 0.0025 --profit 0.001 --rebuy 0.01"
START_US = 1_559_433_600_000_123


@pytest.fixture(scope="module")
def engine(stack: Config) -> Iterator[Engine]:
    """A database with the tables and no rows, which the commands use."""
    with database(stack, f"backtests_{time.time_ns()}") as url, pytest.MonkeyPatch.context() as patch:
        upgrade(Config(**{**stack.model_dump(), "database_url": url}))
        patch.setenv("HEDGEHOG_DATABASE_URL", url)
        patch.setattr(store, "ROWS", 2)  # so that even these few rows take several writes
        engine = create_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture(scope="module")
def nine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The nine trades as Binance's archive has them, one a second, their times exact to the microsecond."""
    path = tmp_path_factory.mktemp("trades") / "XRPUSDT-trades-2019-06-02.csv"
    rows = [f"{n + 1},{price},10,1,{START_US + n * 1_000_000},true,true" for n, price in enumerate(NINE_TRADES)]
    path.write_text("\n".join(rows) + "\n")
    return path


def hedgehog(line: str) -> Result:
    return CliRunner().invoke(app, ["backtest", *line.split()])


def data(line: str) -> Any:
    result = hedgehog(f"{line} --json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def first(engine: Engine, nine: Path) -> dict[str, Any]:
    """A saved run."""
    run: dict[str, Any] = data(f"run --file {nine} --symbol XRPUSDT {TYPED} --name nine")
    return run


def test_a_run_is_kept_exactly(first: dict[str, Any], engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    shown = data(f"show {first['saved_run']} --orders {path}")
    for name in ("trades", "orders", "cycles", "fees", "net_profit", "buy_and_hold", "max_drawdown", "fingerprint"):
        assert shown[name] == first[name], name
    assert shown["code_version"] == code_version()
    assert shown["first_trade"] == "2019-06-02T00:00:00.000123Z"
    assert {name: shown["settings"][name] for name in first["settings"]} == first["settings"]
    assert path.read_text().splitlines() == [
        "side,price,quantity,status",
        "BUY,0.4307,46.4,FILLED",
        "SELL,0.4319,46.4,FILLED",
        "BUY,0.431,46.4,NEW",
    ]
    assert [(o["placed_at"], o["filled_at"], o["executed_quantity"]) for o in shown["placed_orders"]] == [
        (0, 4, "46.4"),
        (4, 7, "46.4"),
        (8, None, "0"),  # a new trader first sees the next trade
    ]
    assert shown["placed_orders"][0]["filled_time"] == "2019-06-02T00:00:04.000123Z"
    course = shown["equity"]
    assert [point["at"] for point in course] == list(range(9))
    assert (course[-1]["net_profit"], max(Decimal(p["drawdown"]) for p in course)) == (
        first["net_profit"],
        Decimal(first["max_drawdown"]),
    )
    with engine.connect() as connection:
        profit = connection.execute(
            text("SELECT net_profit FROM backtest_runs WHERE run_id = :run"), {"run": shown["run"]}
        )
        assert profit.scalar() == Decimal("0.01565536")


def test_the_settings_of_a_saved_run_run_again(first: dict[str, Any], nine: Path, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(data(f"show {first['saved_run']}")))
    again = data(f"run --file {nine} --symbol XRPUSDT --settings {path}")
    assert {name: again[name] for name in ("settings", "orders", "net_profit")} == {
        name: first[name] for name in ("settings", "orders", "net_profit")
    }


def test_compare_marks_what_differs(first: dict[str, Any], nine: Path) -> None:
    other = data(f"run --file {nine} --symbol XRPUSDT {TYPED} --profit 0.002 --save")
    assert other["saved_run"] > first["saved_run"]
    given = data(f"compare {other['saved_run']} nine")
    assert (given["same_data"], given["same_code"]) == (True, True)
    assert {"profit_interval", "net_profit", "cycles"} <= set(given["differing"])
    assert not {"chunks", "fingerprint", "buy_and_hold", "name"} & set(given["differing"])
    assert [run["run"] for run in given["runs"]] == [other["saved_run"], first["saved_run"]]
    lines = hedgehog(f"compare nine {other['saved_run']}").stdout.splitlines()
    (profit,) = [line.split() for line in lines if line.startswith("profit_interval")]
    assert profit == ["profit_interval", "0.001", "0.002", "≠"]
    (budget,) = [line.split() for line in lines if line.startswith("budget")]
    assert budget == ["budget", "100", "100", "-"]
    assert lines[-2:] == ["the same trades", "the same code"]


def test_other_trades_are_said_to_be_others(first: dict[str, Any], nine: Path) -> None:
    part = data(f"run --file {nine} --symbol XRPUSDT {TYPED} --from 2019-06-02T00:00:01 --save")
    assert "NOT the same trades" in hedgehog(f"compare {first['saved_run']} {part['saved_run']}").stdout


def test_the_best_of_a_sweep_are_runs_of_one_batch(engine: Engine, nine: Path) -> None:
    swept = data(
        f"sweep --file {nine} --symbol XRPUSDT --tick 0.0001 --step 0.1 --profit 0.001:0.002 --random 9 --seed 3 "
        "--top 2 --train-until 2019-06-02T00:00:05 --name tuned"
    )
    rows = data("list --name tuned")
    assert [row["run"] for row in rows] == swept["saved_runs"]
    assert [(row["rank"], row["part"], row["trades"]) for row in rows] == [
        *[(1, "train", 5), (1, "test", 4)],
        *[(2, "train", 5), (2, "test", 4)],
    ]
    assert {(row["batch"], row["seed"]) for row in rows} == {(swept["saved_runs"][0], 3)}
    assert rows[3]["net_profit"] == swept["best"][1]["test_net_profit"]
    assert rows[0]["options"].items() >= {"objective": "net", "settings_tried": swept["settings_tried"]}.items()


def test_list_shows_the_newest_last(first: dict[str, Any]) -> None:
    newest = [row["run"] for row in data("list -n 2")]
    assert len(newest) == 2
    assert newest == sorted(newest)
    assert first["saved_run"] in [row["run"] for row in data("list --symbol xrpusdt")]
    head, *rows = hedgehog("list --name nine").stdout.splitlines()
    assert head.split()[:4] == ["run", "name", "saved", "instrument"]
    assert len(rows) == 1
    assert "binance:XRPUSDT" in rows[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("show 999999", "RUN: there is no run 999999; the nearest are "),
        ("show nien", "RUN: no run has the name 'nien'; did you mean nine?"),
        ("compare nine", "RUN: nine is one run; two are needed to compare"),
        ("list --symbol XRPUSDC", "unknown symbol 'XRPUSDC'; did you mean XRPUSDT?"),
        ("run --file {nine} --symbol XRPUSDT --tick 1 --step 1 --name 12", "--name: '12' is no name"),
    ],
)
def test_wrong_runs_are_named(first: dict[str, Any], line: str, message: str, nine: Path) -> None:
    result = hedgehog(line.format(nine=nine))
    assert result.exit_code == 2
    assert message in result.stderr


def test_without_the_tables(stack: Config, nine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with database(stack, f"empty_{time.time_ns()}") as url:
        monkeypatch.setenv("HEDGEHOG_DATABASE_URL", url)
        result = hedgehog(f"run --file {nine} --symbol XRPUSDT {TYPED} --save")
    assert result.exit_code == 3
    assert "Postgres has not the tables it needs" in result.stderr
    assert not result.stdout
