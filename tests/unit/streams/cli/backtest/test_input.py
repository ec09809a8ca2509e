"""What `hedgehog backtest` is given: settings from a file, several files and symbols, archives, ranges of offsets."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from schemas.units import plain
from streams.cli.errors import BadValue
from streams.cli.instruments.changes import as_row
from streams.cli.instruments.settings_file import read_settings
from streams.cli.main import app
from tests.samples import NINE_TRADES, nine_trade_setup

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

START_MS = 1_559_433_600_000
HEADER = (
    "event_type,event_time,symbol,trade_id,price,quantity,buyer_order_id,seller_order_id,trade_time,buyer_market_maker"
)
TYPED = "--tick 0.0001 --step 0.1 --chunks 5 --budget 100 --buy-down 0.0025 --profit 0.001 --rebuy 0.01"


def hedgehog(line: str) -> Result:
    return CliRunner().invoke(app, line.split())


def data(line: str) -> Any:
    result = hedgehog(f"{line} --json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def recording(path: Path, first: int, prices: list[str], symbols: tuple[str, ...] = ("XRPUSDT",)) -> Path:
    """A recorded file: a trade of each symbol every second, the first one `first` seconds after 2019-06-02."""
    lines = [
        f"trade,{START_MS + 1_000 * at},{symbol},{at + 1},{price},10,1,2,{START_MS + 1_000 * at},true"
        for at, price in enumerate(prices, start=first)
        for symbol in symbols
    ]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return recording(tmp_path / "whole.csv", 0, list(NINE_TRADES))


@pytest.fixture
def halves(tmp_path: Path) -> list[Path]:
    return [
        recording(tmp_path / "early.csv", 0, list(NINE_TRADES[:4])),
        recording(tmp_path / "late.csv", 4, list(NINE_TRADES[4:])),
    ]


def test_files_one_after_the_other_are_one_recording(whole: Path, halves: list[Path]) -> None:
    early, late = halves
    one = data(f"backtest run --file {whole} --symbol XRPUSDT {TYPED}")
    two = data(f"backtest run --file {early} --file {late} --symbol XRPUSDT {TYPED}")
    for name in ("trades", "fingerprint", "orders", "net_profit"):
        assert one[name] == two[name], name
    assert two["source"] == f"{early}, {late}"


def test_files_in_any_order(whole: Path, halves: list[Path]) -> None:
    early, late = halves
    one = data(f"backtest run --file {whole} --symbol XRPUSDT {TYPED}")
    two = data(f"backtest run --file {late} --file {early} --symbol XRPUSDT {TYPED}")
    assert [two[name] for name in ("fingerprint", "net_profit")] == [
        one[name] for name in ("fingerprint", "net_profit")
    ]


@pytest.mark.parametrize("name", ["sched_getaffinity"])
def test_a_sweep_where_the_system_is_not_linux(name: str, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, name)
    swept = data(f"backtest sweep --file {whole} --symbol XRPUSDT {TYPED.replace('0.001 ', '0.001,0.002 ')}")
    assert [best["rank"] for best in swept["best"]] == [1, 2]


def test_a_file_of_several_symbols(whole: Path, tmp_path: Path) -> None:
    both = recording(tmp_path / "both.csv", 0, list(NINE_TRADES), ("XRPUSDT", "ETHUSDT"))
    alone = data(f"backtest run --file {whole} --symbol XRPUSDT {TYPED}")
    path = tmp_path / "orders.csv"
    line = f"backtest run --file {both} --symbol XRPUSDT --symbol ethusdt {TYPED} --orders {path}"
    given = data(line)
    assert [run["instrument"] for run in given["runs"]] == ["binance:XRPUSDT", "binance:ETHUSDT"]
    assert {run["fingerprint"] for run in given["runs"]} == {alone["fingerprint"]}
    (total,) = given["totals"]
    assert (total["symbols"], total["orders"], total["cycles"]) == (2, 6, 2)
    assert (total["net_profit"], total["fees"]) == ("0.03131072", "0.08004928")  # twice what the nine trades give
    lines = path.read_text().splitlines()
    assert (lines[0], lines[1], lines[4]) == (
        "instrument,side,price,quantity,status",
        "binance:XRPUSDT,BUY,0.4307,46.4,FILLED",
        "binance:ETHUSDT,BUY,0.4307,46.4,FILLED",
    )
    head, *rows = hedgehog(line).stdout.splitlines()
    assert head.split()[:4] == ["instrument", "trades", "orders", "cycles"]
    assert [row.split()[0] for row in rows] == ["binance:XRPUSDT", "binance:ETHUSDT", "total"]


def test_one_file_for_each_symbol(whole: Path, tmp_path: Path) -> None:
    other = recording(tmp_path / "eth.csv", 0, ["200", "199"], ("ETHUSDT",))
    given = data(f"backtest run --file {whole} --file {other} --symbol XRPUSDT --symbol ETHUSDT {TYPED}")
    assert [(run["trades"], run["source"]) for run in given["runs"]] == [(9, str(whole)), (2, str(other))]


def test_an_archive_gives_what_its_files_gave(whole: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    assert hedgehog(f"archive import {whole} --out {archive}").exit_code == 0
    (parquet,) = archive.rglob("*.parquet")
    runs = [data(f"backtest run --file {path} --symbol XRPUSDT {TYPED}") for path in (whole, archive, parquet)]
    for name in ("trades", "fingerprint", "orders", "net_profit"):
        assert len({run[name] for run in runs}) == 1, name
    result = hedgehog(f"backtest run --file {archive} --symbol ETHUSDT {TYPED}")
    assert "ETHUSDT" in result.stderr
    assert result.exit_code in (1, 2)


@pytest.fixture
def shown() -> list[dict[str, Any]]:
    """What `hedgehog settings show --json` prints."""
    return [as_row(nine_trade_setup()), as_row(nine_trade_setup("binance:ETHUSDT", chunks=1))]


def test_settings_as_they_are_shown(shown: list[dict[str, Any]], whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(shown))
    run = data(f"backtest run --file {whole} --symbol XRPUSDT --settings {path}")
    assert (run["net_profit"], run["settings"]["chunks"]) == ("0.01565536", 5)
    changed = data(f"backtest run --file {whole} --symbol XRPUSDT --settings {path} --profit 0.002 --tick 0.00001")
    assert (changed["settings"]["profit_interval"], changed["settings"]["tick_size"]) == ("0.002", "0.00001")
    path.write_text(json.dumps(run))
    assert data(f"backtest run --file {whole} --symbol XRPUSDT --settings {path}")["settings"] == run["settings"]
    swept = data(f"backtest sweep --file {whole} --symbol XRPUSDT --settings {path} --profit 0.001,0.002")
    assert (swept["budget"], swept["best"][0]["chunks"], swept["settings_tried"]) == ("100", 5, 2)


def test_settings_as_a_table(shown: list[dict[str, Any]], tmp_path: Path) -> None:
    names = ("exchange", "symbol", "tick_size", "step_size", "chunks", "budget", "fee", "quote_asset", "status")
    lines = [",".join(names), *(",".join(str(row[name]) for name in names) for row in shown)]
    path = tmp_path / "settings.csv"
    path.write_text("\n".join(lines))
    read = read_settings(path)
    assert list(read) == ["binance:XRPUSDT", "binance:ETHUSDT"]
    instrument, settings = read["binance:ETHUSDT"]
    assert (settings.chunks, plain(settings.budget), instrument.quote_asset) == (1, "100", "USDT")
    assert plain(settings.buy_down_interval) == "0.0025"  # what a row leaves out is the default


@pytest.mark.parametrize("name", ["settings.csv", "SETTINGS.CSV"])
def test_a_table_that_a_spreadsheet_saved(name: str, tmp_path: Path) -> None:
    """With a byte order mark, CRLF, and small numbers with an exponent, as pandas writes them too."""
    path = tmp_path / name
    path.write_bytes("\ufeffsymbol,tick_size,step_size,budget\r\nXRPUSDT,1E-05,1e-01,1e+2\r\n".encode())
    instrument, settings = read_settings(path)["binance:XRPUSDT"]
    assert (instrument.tick_size, instrument.step_size, plain(settings.budget)) == (1_000, 10_000_000, "100")


def test_settings_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('\ufeff{"symbol": "XRPUSDT", "tick_size": "0.01", "step_size": 1e-1}', encoding="utf-8")
    assert read_settings(path)["binance:XRPUSDT"].instrument.step_size == 10_000_000


def test_numbers_of_json_are_never_floats(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"symbol": "XRPUSDT", "tick_size": 0.00000001, "step_size": 1, "budget": 12345678901.12345678}')
    assert plain(read_settings(path)["binance:XRPUSDT"].settings.budget) == "12345678901.12345678"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": "1e3e"}, "binance:XRPUSDT: budget: '1e3e' is not a plain decimal"),
        ({"budget": "1e-9"}, "binance:XRPUSDT: budget: '0.000000001' has more than 8 decimals"),
        ({"chunks": 2.5}, "binance:XRPUSDT: chunks: '2.5' is not a whole number"),
        ({"chunks": 0}, "binance:XRPUSDT: chunks: 0 is not between 1 and 1000"),
        ({"fee": True}, "binance:XRPUSDT: fee: 'True' is not a plain decimal"),
        ({"profit": "0.1"}, "binance:XRPUSDT: 'profit' is no setting"),
        ({"tick_size": "0.000000001"}, "binance:XRPUSDT: tick_size: '0.000000001' has more than 8 decimals"),
        ({"step_size": None}, "binance:XRPUSDT: step_size is missing"),
        ({"instrument": "", "symbol": ""}, "symbol is missing in "),
        ({"instrument": "binance:ETHUSDT"}, "binance:ETHUSDT is there twice"),
    ],
)
def test_wrong_settings_are_named(
    change: dict[str, Any], message: str, shown: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps([shown[0] | change, shown[1]]))
    with pytest.raises(BadValue, match=r"^--settings: ") as raised:
        read_settings(path)
    assert f"--settings: {path}: {message}" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[1]", "is not what hedgehog settings show --json prints"),
        ("[]", "has no settings"),
        ("[" * 100_000, "recursion"),
        ('[{"symbol": "XRPUSDT", "step_size": "1"}]', "binance:XRPUSDT: tick_size is missing"),
    ],
)
def test_files_that_are_no_settings(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(BadValue, match=message):
        read_settings(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--file {whole} --offsets 0:1:2", "--offsets 0:1:2 needs --topic"),
        ("--topic --offsets 0:1:2 --from 2020-01-01", "--offsets 0:1:2 or --from and --to, not both"),
        ("--topic --offsets 1:2", "--offsets: '1:2' is not PARTITION:START:END"),
        ("--topic --offsets 0:2:2", "--offsets: '0:2:2' ends where it starts or before"),
        ("--topic --offsets 0:1:2 --offsets 0:2:3", "--offsets: '0:2:3' names partition 0 a second time"),
        ("--file {whole} --settings {whole}.not", "--settings: {whole}.not: No such file or directory"),
        ("--file {whole} --settings {whole}", "--settings: {whole}: binance:XRPUSDT: tick_size is missing"),
    ],
)
@pytest.mark.parametrize("command", ["run", "sweep"])
def test_wrong_options_are_named(command: str, line: str, message: str, whole: Path) -> None:
    result = hedgehog(f"backtest {command} --symbol XRPUSDT {line.format(whole=whole)}")
    assert result.exit_code == 2
    assert message.format(whole=whole) in result.stderr


def test_a_symbol_that_the_settings_do_not_have(shown: list[dict[str, Any]], whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(shown))
    result = hedgehog(f"backtest run --file {whole} --symbol XRPUSDC --settings {path}")
    assert result.exit_code == 2
    assert "unknown symbol 'XRPUSDC'; did you mean XRPUSDT?" in result.stderr


def test_nothing_is_saved_where_no_database_answers(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEHOG_DATABASE_URL", "postgresql+psycopg2://u:secret@127.0.0.1:1/none")
    result = hedgehog(f"backtest run --file {whole} --symbol XRPUSDT {TYPED} --save")
    assert result.exit_code == 3
    assert "no PostgreSQL listens at 127.0.0.1:1" in result.stderr
    assert not result.stdout
