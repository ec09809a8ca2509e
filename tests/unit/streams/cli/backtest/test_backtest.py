"""`hedgehog backtest` on files: the recorded orders, exact numbers, grids, and errors that name field and value."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from streams.backtest.grid import draws, grid, parse_axis
from streams.cli.main import app
from tests.samples import NINE_TRADE_ORDERS, NINE_TRADES, nine_trade_setup

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

SHARED = Path(__file__).parents[6] / "shared"
DAYS = {
    "XRPUSDT-2019-06-02": "--tick 0.00001 --step 0.1",
    "ETHUSDT-2019-06-07": "--tick 0.01 --step 0.00001",
}
PARAMETERS = {
    "A": "--chunks 5 --budget 1000 --buy-down 0.0001 --profit -0.0012 --rebuy 0.001 --fee 0.001",
    "B": "--chunks 3 --budget 500 --buy-down 0.0020 --profit 0.0030 --rebuy 0.0040",
}
NINE = "--symbol XRPUSDT --tick 0.0001 --step 0.1 --chunks 5 --budget 100 --buy-down 0.0025 --profit 0.001 --rebuy 0.01"
START_MS = 1_559_433_600_000
HEADER = (
    "event_type,event_time,symbol,trade_id,price,quantity,buyer_order_id,seller_order_id,trade_time,buyer_market_maker"
)


def hedgehog(line: str) -> Result:
    return CliRunner().invoke(app, ["backtest", *line.split()])


def data(line: str) -> Any:
    result = hedgehog(f"{line} --json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def recording(path: Path, prices: list[str], symbol: str = "XRPUSDT") -> Path:
    """A recorded file: one trade a second from 2019-06-02T00:00:00Z on."""
    lines = [
        f"trade,{START_MS + 1_000 * i},{symbol},{i + 1},{price},10,1,2,{START_MS + 1_000 * i},true"
        for i, price in enumerate(prices)
    ]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


@pytest.fixture
def nine(tmp_path: Path) -> Path:
    return recording(tmp_path / "nine.csv", list(NINE_TRADES))


def written(path: Path) -> list[tuple[str, ...]]:
    with path.open() as lines:
        rows = csv.DictReader(lines)
        assert rows.fieldnames == ["side", "price", "quantity", "status"]
        return [tuple(row.values()) for row in rows]


def trimmed(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("parameters", PARAMETERS)
@pytest.mark.parametrize("day", DAYS)
def test_the_recorded_orders(day: str, parameters: str, engine: str, tmp_path: Path) -> None:
    trades, expected = SHARED / "trades" / f"{day}.csv.gz", SHARED / "reference-orders" / f"{day}-{parameters}.csv"
    if not (trades.exists() and expected.exists()):
        pytest.skip(f"THE REFERENCE ORDERS ARE NOT CHECKED: {trades} or {expected} is not here")
    path = tmp_path / "orders.csv"
    run = data(
        f"run --file {trades} --symbol {day[:7]} {DAYS[day]} {PARAMETERS[parameters]} --engine {engine} --orders {path}"
    )
    assert run["engine"] == engine
    with expected.open() as lines:
        rows = [(r["side"], trimmed(r["price"]), trimmed(r["quantity"]), r["status"]) for r in csv.DictReader(lines)]
    assert Counter(written(path)) == Counter(rows)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_nine_trades(nine: Path, engine: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    run = data(f"run --file {nine} {NINE} --engine {engine} --orders {path}")
    assert [(side, price, status) for side, price, _, status in written(path)] == NINE_TRADE_ORDERS
    assert {name: run[name] for name in ("trades", "orders", "filled", "cycles", "realised_profit", "net_profit")} == {
        "trades": 9,
        "orders": 3,
        "filled": 2,
        "cycles": 1,
        "realised_profit": "0.01565536",  # as test_backtest_money has it by hand
        "net_profit": "0.01565536",
    }
    assert (run["open_position"], run["buy_and_hold"], run["max_drawdown"]) == ("0", "-0.03748681815", "0.02230448")
    assert (run["first_trade"], run["last_trade"]) == ("2019-06-02T00:00:00.000000Z", "2019-06-02T00:00:08.000000Z")
    assert run["settings"]["profit_interval"] == "0.001"


def test_a_range_of_time(nine: Path) -> None:
    whole = data(f"run --file {nine} {NINE}")
    part = data(f"run --file {nine} {NINE} --from 2019-06-02T00:00:03 --to 2019-06-02T02:00:05+02:00")
    assert (part["trades"], part["first_trade"]) == (2, "2019-06-02T00:00:03.000000Z")
    assert part["fingerprint"] != whole["fingerprint"]
    assert len(whole["fingerprint"]) == 64


def test_for_people(nine: Path) -> None:
    result = hedgehog(f"run --file {nine} {NINE}")
    assert result.exit_code == 0
    assert "net profit" in result.stdout
    assert "buy_down_interval 0.0025" in result.stdout


def test_the_reference_engine_takes_what_the_fast_one_cannot(tmp_path: Path) -> None:
    file = recording(tmp_path / "large.csv", ["9999999999.99999999", "9000000000.00000001", "9999999999.99999999"])
    line = f"run --file {file} --symbol XRPUSDT --tick 0.00000001 --step 0.00000001 --budget 1000000 --buy-down 0.01"
    result = hedgehog(line)
    assert result.exit_code == 0, result.output
    assert "the reference engine is used" in result.stderr
    assert "exceeds 64 bits" in result.stderr
    assert data(f"{line} --engine reference")["orders"] == data(line)["orders"] > 0
    refused = hedgehog(line.replace("run", "sweep", 1))
    assert refused.exit_code == 2
    assert "exceeds 64 bits" in refused.stderr
    assert "hedgehog backtest run --engine reference" in refused.stderr


@pytest.mark.parametrize("option", ["--step 100000000000", "--budget 99999999999999999999"])
def test_a_step_or_budget_beyond_64_bits(option: str, nine: Path) -> None:
    rest = " ".join(words for words in ("--tick 0.0001", option, "--step 0.1" * ("--step" not in option)) if words)
    line = f"run --file {nine} --symbol XRPUSDT {rest} --buy-down 0.0025"
    run, exact = data(line), data(f"{line} --engine reference")
    assert (run["engine"], exact["engine"]) == ("reference", "reference")
    measured = {"engine_seconds", "trades_per_s"}
    assert {k: v for k, v in run.items() if k not in measured} == {k: v for k, v in exact.items() if k not in measured}
    assert "the reference engine is used" in hedgehog(line).stderr
    refused = hedgehog(line.replace("run", "sweep", 1))
    assert (refused.exit_code, "exceeds 64 bits" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run --file {nine} --symbol XRPUSDT", "--tick and --step of XRPUSDT not given"),
        ("run --file {nine} --symbol XRPUSDT --tick 0.1", "--step of XRPUSDT not given"),
        ("run --symbol XRPUSDT --tick 1 --step 1", "no trades to run on"),
        ("run --file {nine} --topic --symbol XRPUSDT --tick 1 --step 1", "or --topic, not both"),
        ("run --file {nine} --symbol XRPUSDT --tick 0 --step 1", "--tick: 0 is not above 0"),
        ("run --file {nine} --symbol XRPUSDT --tick 1e-3 --step 1", "--tick: '1e-3' is not a plain decimal"),
        ("run --file {nine} --symbol XRPUSDT --tick 0.000000001 --step 1", "has more than 8 decimals"),
        ("run --file {nine} {settings} --profit x", "--profit: 'x' is not a plain decimal"),
        ("run --file {nine} {settings} --buy-down 1", "buy_down_interval: 1 is not between"),
        ("run --file {nine} {settings} --chunks 0", "chunks: 0 is not between 1 and 1000"),
        ("run --file {nine} {settings} --from noon", "--from: 'noon' is not an ISO 8601 time"),
        ("run --file {nine} {settings} --from 2019-06-03 --to 2019-06-02", "--from: 2019-06-03 is not before --to"),
        ("run --file {nine} {settings} --orders {nine}/x.csv", "--orders: {nine}/x.csv: Not a directory"),
        ("run --file {nine}.not {settings}", "--file: {nine}.not: "),
        ("sweep --file {nine} {settings} --buy-down 0.001:0.002", "--buy-down: '0.001:0.002' is neither"),
        ("sweep --file {nine} {settings} --chunks 1,x", "--chunks: 'x' is not a whole number"),
        ("sweep --file {nine} {settings} --chunks 1,2000", "chunks: 2000 is not between 1 and 1000"),
        ("sweep --file {nine} {settings} --random 0", "--random: 0 is not between"),
        ("sweep --file {nine} {settings} --profit 0:0.5:0.00000001", "are more than 1000000"),
        (
            "sweep --file {nine} {settings} --profit 0:99999999999:0.00000001",
            "profit_interval: 99999999999 is not between",
        ),
        (
            "sweep --file {nine} {settings} --rebuy -99999999999:0 --random 9",
            "rebuy_interval: -99999999999 is not between",
        ),
        ("sweep --file {nine} {settings} --chunks 1:99999999999:1", "--chunks: '99999999999' is not a whole number"),
        ("sweep --file {nine} {settings} --random 9 --seed 9223372036854775808", "less than or equal to"),
        ("run --file {nine} {settings} --chunks 99999999999", "--chunks: '99999999999' is not a whole number"),
        ("run --file {nine} --symbol XRPUSDT --tick 99999999999 --step 1", "tick_size: 99999999999 is not between"),
        (
            "run --file {nine} --symbol XRPUSDT --tick 1 --step " + 21 * "9",
            "step_size: " + 21 * "9" + " is not between",
        ),
        ("run --file {nine} {settings} --budget " + 70 * "9", "has more than 60 digits"),
    ],
)
def test_wrong_values_are_named(line: str, message: str, nine: Path) -> None:
    settings = "--symbol XRPUSDT --tick 0.0001 --step 0.1"
    result = hedgehog(line.format(nine=nine, settings=settings))
    assert result.exit_code == 2
    assert message.format(nine=nine) in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run --from 2020-01-01", "has no trade of binance:XRPUSDT from 2020-01-01T00:00:00"),
        ("run --symbol ETHUSDT", "has no trade of binance:ETHUSDT; it has binance:XRPUSDT"),
        ("sweep --train-until 2019-06-01", "--train-until: 2019-06-01T00:00:00.000000Z leaves no trade to train on"),
        ("sweep --train-until 2019-06-03", "--train-until: 2019-06-03T00:00:00.000000Z leaves no trade to test on"),
    ],
)
def test_no_trades(line: str, message: str, nine: Path) -> None:
    command, rest = line.split(" ", 1)
    symbol = "" if "--symbol" in rest else "--symbol XRPUSDT"
    result = hedgehog(f"{command} --file {nine} {symbol} --tick 0.0001 --step 0.1 {rest}")
    assert result.exit_code == 1
    assert message in result.stderr


def test_a_broker_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEHOG_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    result = hedgehog("run --topic --symbol XRPUSDT")
    assert result.exit_code == 3
    assert "no Kafka broker listens at 127.0.0.1:1" in result.stderr


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.001", [100_000]),
        ("-0.0012,0.001,-0.0012", [-120_000, 100_000]),
        ("0.0005:0.003:0.0005", [50_000, 100_000, 150_000, 200_000, 250_000, 300_000]),
        ("0:0:0.1", [0]),
        ("-0.001:0.001:0.001", [-100_000, 0, 100_000]),
    ],
)
def test_axes_of_decimals(text: str, values: list[int]) -> None:
    assert list(parse_axis("profit_interval", text)) == values


@pytest.mark.parametrize(("text", "values"), [("5", [5]), ("1,3,5", [1, 3, 5]), ("1:7:2", [1, 3, 5, 7])])
def test_axes_of_whole_numbers(text: str, values: list[int]) -> None:
    assert list(parse_axis("chunks", text)) == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a plain decimal"),
        ("1,,2", "'' is not a plain decimal"),
        ("0:1", "is neither a value"),
        ("0:1:0.1:3", "is neither a value"),
        ("0:1:0", "has the step 0, which is not above 0"),
        ("1:0:0.1", "ends below its start"),
        ("0:0.1:0.03", "does not reach 0.1; the last step is at 0.09"),
        ("0.123456789", "has more than 8 decimals"),
    ],
)
def test_axes_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="--rebuy: ") as raised:
        parse_axis("rebuy_interval", text)
    assert message in str(raised.value)


def test_a_grid_has_every_combination_in_order() -> None:
    tried = [each.settings for each in grid(nine_trade_setup(), {"chunks": (1, 3), "profit_interval": range(0, 3)})]
    assert [(s.chunks, s.profit_interval) for s in tried] == [(1, 0), (1, 1), (1, 2), (3, 0), (3, 1), (3, 2)]
    assert {s.budget for s in tried} == {nine_trade_setup().settings.budget}


def test_draws_follow_their_seed_and_come_once() -> None:
    axes = {"chunks": (1, 3), "profit_interval": parse_axis("profit_interval", "-0.01:0.01", drawn=True)}
    first = draws(nine_trade_setup(), axes, 50, 7)
    assert first == draws(nine_trade_setup(), axes, 50, 7) != draws(nine_trade_setup(), axes, 50, 8)
    assert all(s.chunks in (1, 3) and -1_000_000 <= s.profit_interval <= 1_000_000 for _, s in first)
    assert len(draws(nine_trade_setup(), {"chunks": (1, 3)}, 50, 7)) == 2


@pytest.fixture
def waves(tmp_path: Path) -> Path:
    """Prices that go up and down by 2 % every 40 trades, 800 in all."""
    prices = [f"{1 + abs(20 - i % 40) / 1_000:.4f}" for i in range(800)]
    return recording(tmp_path / "waves.csv", prices)


SWEEP = "--symbol XRPUSDT --tick 0.0001 --step 0.1 --budget 100 --fee 0.001 --buy-down 0.001:0.005:0.001"


def test_a_sweep_ranks_and_each_result_is_that_of_a_run(waves: Path) -> None:
    given = data(f"sweep --file {waves} {SWEEP} --chunks 1,2 --profit 0.001,0.004 --rebuy 0.005 --top 20")
    assert given["settings_tried"] == len(given["best"]) == 20
    profits = [float(row["net_profit"]) for row in given["best"]]
    assert profits == sorted(profits, reverse=True)
    assert profits[0] > profits[-1]
    best = given["best"][0]
    flags = " ".join(
        f"{flag} {best[name]}"
        for flag, name in (
            ("--chunks", "chunks"),
            ("--buy-down", "buy_down_interval"),
            ("--profit", "profit_interval"),
            ("--rebuy", "rebuy_interval"),
        )
    )
    line = f"--symbol XRPUSDT --tick 0.0001 --step 0.1 --budget 100 --fee 0.001 {flags} --engine reference"
    run = data(f"run --file {waves} {line}")
    for name in ("orders", "cycles", "realised_profit", "net_profit", "open_position", "max_drawdown", "buy_and_hold"):
        assert run[name] == best[name], name
    assert given["best_on_reference_engine"] == f"the same {run['orders']} orders"
    assert given["fingerprint"] == run["fingerprint"]


def test_a_sweep_by_cycles(waves: Path) -> None:
    cycles = [row["cycles"] for row in data(f"sweep --file {waves} {SWEEP} --objective cycles --top 3")["best"]]
    assert len(cycles) == 3
    assert cycles == sorted(cycles, reverse=True)


def test_both_halves_are_runs_of_their_own(waves: Path) -> None:
    given = data(f"sweep --file {waves} {SWEEP} --top 1 --train-until 2019-06-02T00:08:20Z")
    assert (given["train_trades"], given["test_trades"]) == (500, 300)
    best = given["best"][0]
    line = (
        f"run --file {waves} --symbol XRPUSDT --tick 0.0001 --step 0.1 --budget 100 --fee 0.001 "
        f"--buy-down {best['buy_down_interval']}"
    )
    assert data(f"{line} --to 2019-06-02T00:08:20Z")["net_profit"] == best["train_net_profit"]
    assert data(f"{line} --from 2019-06-02T00:08:20Z")["net_profit"] == best["test_net_profit"]


def test_random_settings_are_the_same_for_a_seed(waves: Path) -> None:
    line = "--symbol XRPUSDT --tick 0.0001 --step 0.1 --buy-down 0:0.01 --profit 0:0.01 --random 30"
    first, again, other = (data(f"sweep --file {waves} {line} --seed {seed}") for seed in (4, 4, 5))
    assert first["best"] == again["best"] != other["best"]
    assert (first["seed"], first["settings_tried"]) == (4, 30)


def test_a_sweep_for_people(waves: Path) -> None:
    result = hedgehog(f"sweep --file {waves} {SWEEP} --top 2")
    assert result.exit_code == 0
    table = result.stdout.split("The best by net\n")[1].splitlines()
    assert table[0].split() == ["rank", "buy", "down", "orders", "cycles", "net", "profit", "max", "drawdown"]
    assert len(table) == 3
