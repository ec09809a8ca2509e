"""One file has one answer: backtest, import into an archive, replay and demo read the same trades of it.

The files are what people have: saved by spreadsheets and pandas, newest first, overlapping, damaged.
"""

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner, Result

from producers.local_exchange.__main__ import describe, recorded_exchange
from producers.recorded.errors import FileError
from producers.recorded.ordered import ordered_trades
from producers.source import BadRecord
from schemas.records import Trade
from streams.cli.main import app
from streams.demo.market import recorded
from streams.replay.tape import tape_of_files
from tests.unit.producers.recorded.bad_lines import BAD_LINES

# The first run after a change compiles: seconds on an idle machine, minutes on a busy one.
pytestmark = pytest.mark.timeout(900)

HEADER = (
    "event_type,event_time,symbol,trade_id,price,quantity,buyer_order_id,seller_order_id,trade_time,buyer_market_maker"
)
START = 1_735_689_600
PRICES = ("1", "0.99", "0.98", "1.02", "1.03", "1")
TYPED = "--tick 0.01 --step 1 --chunks 1 --budget 100 --buy-down 0.01 --profit 0.01"
IN_ORDER = {"trades": 6, "orders": 4, "cycles": 1, "net_profit": "-0.28098"}
"""What six trades at these prices give by these settings."""


class Six(NamedTuple):
    """The six trades as lines; `per_second` is the unit of their times."""

    per_second: int = 1_000
    symbol: str = "AAAUSDT"

    def lines(self) -> list[str]:
        times = [(START + second) * self.per_second for second in range(6)]
        return [
            f"trade,{time},{self.symbol},{number},{price},1000.00000000,,,{time},true"
            for number, (time, price) in enumerate(zip(times, PRICES, strict=True), start=1)
        ]


def written(path: Path, lines: Sequence[str], header: str | None = HEADER, end: str = "\n", mark: str = "") -> Path:
    path.write_text(mark + end.join([*([] if header is None else [header]), *lines]) + end, "utf-8", newline="")
    return path


def archived(path: Path, lines: Sequence[str], header: bool = False) -> Path:
    """A file in the layout of Binance's archive."""
    named = ["id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch"] if header else []
    text = "\n".join([*named, *lines]) + "\n"
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{path.stem}.csv", text)
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return path


def hedgehog(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


def data(*words: object) -> Any:
    result = hedgehog(*words, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def backtest(*paths: Path, symbol: str = "AAAUSDT", typed: str = TYPED) -> list[object]:
    files = [word for path in paths for word in ("--file", path)]
    return ["backtest", "run", *files, "--symbol", symbol, *typed.split()]


def tape(*paths: Path) -> list[Trade | BadRecord]:
    return list(tape_of_files(paths, None, (None, None), lambda *_: None))


def same_everywhere(folder: Path, *paths: Path, symbol: str = "AAAUSDT", typed: str = TYPED) -> dict[str, Any]:
    """What the backtest says, once all have read the same trades."""
    run: dict[str, Any] = data(*backtest(*paths, symbol=symbol, typed=typed))
    data("archive", "import", *paths, "--out", folder / "archive")
    assert data(*backtest(folder / "archive", symbol=symbol, typed=typed))["fingerprint"] == run["fingerprint"]
    played = tape(*paths)
    assert played == tape(folder / "archive")
    assert played == list(ordered_trades(paths))
    assert len(played) == run["trades"]
    assert [market.symbol for market in describe(ordered_trades(paths))] == [symbol]
    if len(paths) == 1:
        assert recorded(paths[0], 60).trades == run["trades"]
    return run


@pytest.mark.parametrize("per_second", [1, 1_000, 1_000_000, 1_000_000_000])
def test_times_in_any_unit(tmp_path: Path, per_second: int) -> None:
    run = same_everywhere(tmp_path, written(tmp_path / "trades.csv", Six(per_second).lines()))
    assert (
        run.items() >= {**IN_ORDER, "first_trade": "2025-01-01T00:00:00.000000Z", "seconds_in_all": "5.000000"}.items()
    )


@pytest.mark.parametrize("time", ["1735689600000000000000", "0", "1230767999", "4102444800000", "-1"])
def test_a_time_in_no_unit_is_named(tmp_path: Path, time: str) -> None:
    lines = Six().lines()
    lines[0] = lines[0].replace(f"{START}000", time)
    path = written(tmp_path / "trades.csv", lines)
    result = hedgehog(*backtest(path))
    assert result.exit_code == 2
    assert f"hedgehog: --file: trades.csv:2: trade_time: {time!r}"[:-1].replace("'", "") in result.stderr.replace(
        "'", ""
    )
    assert len(result.stderr.splitlines()) == 1


def test_a_byte_order_mark_and_ends_of_lines(tmp_path: Path) -> None:
    for name, (mark, end) in {"mark": ("\ufeff", "\n"), "both": ("\ufeff", "\r\n"), "returns": ("", "\r")}.items():
        (tmp_path / name).mkdir()
        path = written(tmp_path / name / "trades.csv", Six().lines(), end=end, mark=mark)
        assert same_everywhere(tmp_path / name, path).items() >= IN_ORDER.items(), name


def test_newest_first(tmp_path: Path) -> None:
    run = same_everywhere(tmp_path, written(tmp_path / "trades.csv", Six().lines()[::-1]))
    assert run.items() >= {**IN_ORDER, "seconds_in_all": "5.000000"}.items()


@pytest.mark.parametrize("part", [slice(6), slice(2, 6), slice(3)])
@pytest.mark.parametrize("back", [False, True])
def test_trades_that_are_in_two_files_count_once(tmp_path: Path, part: slice, back: bool) -> None:
    lines = Six().lines()
    paths = [written(tmp_path / "day.csv", lines), written(tmp_path / "more.csv", lines[part])]
    run = same_everywhere(tmp_path, *(paths[::-1] if back else paths))
    assert run.items() >= {**IN_ORDER, "repeated_trades": len(lines[part])}.items()
    assert f"repeated trades      {len(lines[part])}" in hedgehog(*backtest(*paths)).stdout


def test_trades_that_are_twice_in_one_file_count_once(tmp_path: Path) -> None:
    lines = Six().lines()
    run = same_everywhere(tmp_path, written(tmp_path / "day.csv", [*lines, HEADER, *lines[1:3]]))
    assert run.items() >= {**IN_ORDER, "repeated_trades": 2}.items()


def test_the_finer_of_two_times_counts(tmp_path: Path) -> None:
    fine = [line.replace("000000,true", "000123,true") for line in Six(1_000_000).lines()]
    run = same_everywhere(tmp_path, written(tmp_path / "a.csv", Six().lines()), written(tmp_path / "b.csv", fine))
    assert run.items() >= {**IN_ORDER, "first_trade": "2025-01-01T00:00:00.000123Z"}.items()
    until = [*backtest(tmp_path / "a.csv", tmp_path / "b.csv"), "--to", "2025-01-01T00:00:02.000100"]
    assert data(*until)["trades"] == 2


def test_two_trades_under_one_id_are_refused_by_all(tmp_path: Path) -> None:
    lines = Six().lines()
    paths = [written(tmp_path / "day.csv", lines), written(tmp_path / "other.csv", [lines[2].replace("0.98", "0.97")])]
    trades = "trade_id: two trades have 3: price 0.98, quantity 1000, time 2025-01-01T00:00:02.000000Z"
    for result, code in (
        (hedgehog(*backtest(*paths)), 2),
        (hedgehog("archive", "import", *paths, "--out", tmp_path / "archive"), 1),
    ):
        assert result.exit_code == code
        assert trades in result.stderr
        assert "; and price 0.97" in result.stderr
        assert "day.csv and " in result.stderr
        assert "other.csv" in result.stderr
    with pytest.raises(FileError, match=trades):
        tape(*paths)


def test_ids_that_begin_anew_on_another_day_are_other_trades(tmp_path: Path) -> None:
    """A symbol that is listed again for another coin, a test network that is wiped each month."""
    days = {"2022-05-12": (START, "0.5"), "2022-05-31": (START + 19 * 86_400, "9")}
    for day, (start, price) in days.items():
        lines = [f"{n},{price},10,5,{start + n}000,False,True" for n in (1, 2, 3)]
        archived(tmp_path / f"LUNAUSDT-trades-{day}.csv", lines)
    paths = sorted(tmp_path.glob("*.csv"))
    for order in (paths, paths[::-1]):
        run = same_everywhere(tmp_path, *order, symbol="LUNAUSDT", typed="--tick 0.01 --step 1")
        assert (run["trades"], run.get("repeated_trades", 0)) == (6, 0)
    assert [trade.price for trade in tape(*paths) if isinstance(trade, Trade)] == [50_000_000] * 3 + [900_000_000] * 3
    run = same_everywhere(tmp_path, *paths, paths[1], symbol="LUNAUSDT", typed="--tick 0.01 --step 1")
    assert run["trades"] == 6


def test_a_trade_that_is_on_two_days_is_refused_by_all(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{n}.csv", Six(symbol="AAAUSDT").lines()) for n in (1, 2)]
    paths[1].write_text(paths[1].read_text().replace(f"{START}000", f"{START + 86_400}000"))
    said = "trade_id: two trades have 1: price 1, quantity 1000, time 2025-01-01T00:00:00.000000Z, buyer_is_maker"
    run, stored = hedgehog(*backtest(*paths)), hedgehog("archive", "import", *paths, "--out", tmp_path / "archive")
    assert (run.exit_code, stored.exit_code) == (2, 1)
    assert said in run.stderr
    assert said in stored.stderr
    with pytest.raises(FileError, match="two trades have 1"):
        tape(*paths)


def test_numbers_with_an_exponent(tmp_path: Path) -> None:
    texts = ["1e-07", "1E-7", "1.234E-05", "1234e-8", "0.1234E-4", "1.5e+0"]
    lines = [f"{1000 + n},{price},10,5,{START + n}000000,False,True" for n, price in enumerate(texts)]
    path = archived(tmp_path / "PEPEUSDT-trades-2025-01-01.csv", lines, header=True)
    run = same_everywhere(tmp_path, path, symbol="PEPEUSDT", typed="--tick 0.00000001 --step 1")
    assert run["trades"] == 6
    prices = [trade.price for trade in tape(path) if isinstance(trade, Trade)]
    assert prices == [10, 10, 1_234, 1_234, 1_234, 150_000_000]


@pytest.mark.parametrize("symbol", ["币安人生USDT", "ÄPFELUSDT"])
def test_symbols_of_any_letters(tmp_path: Path, symbol: str) -> None:
    lines = [f"{1000 + n},0.5,10,5,{START + n}000000,False,True" for n in range(5)]
    path = archived(tmp_path / f"{symbol}-trades-2026-01-08.zip", lines)
    run = same_everywhere(tmp_path, path, symbol=symbol)
    assert (run["instrument"], run["trades"]) == (f"binance:{symbol}", 5)
    (tmp_path / "folder").mkdir()
    path.rename(tmp_path / "folder" / path.name)
    assert data(*backtest(tmp_path / "folder", symbol=symbol))["fingerprint"] == run["fingerprint"]
    assert data("archive", "import", tmp_path / "folder", "--out", tmp_path / "b")["days"][0]["rows"] == 5


def test_a_folder_or_a_pattern_of_daily_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{n},{price},1000,5,{START + n - 1}000000,True,True" for n, price in enumerate(PRICES, start=1)]
    for day, some in enumerate((lines[:2], lines[2:5], lines[5:]), start=1):
        archived(tmp_path / f"AAAUSDT-trades-2025-01-{day:02}.zip", some)
    archived(tmp_path / "BBBUSDT-trades-2025-01-01.zip", ["no trade"])
    (tmp_path / "notes.csv").write_text("hello")
    assert same_everywhere(tmp_path, tmp_path / "AAAUSDT-trades-2025-*.zip").items() >= IN_ORDER.items()
    folder = tmp_path / "days"
    folder.mkdir()
    for path in tmp_path.glob("AAAUSDT*.zip"):
        path.rename(folder / path.name)
    run = data(*backtest(folder))
    assert run.items() >= IN_ORDER.items()
    assert data(*backtest(folder / "**" / "AAAUSDT-*"))["fingerprint"] == run["fingerprint"]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data(*backtest(Path("~/days/AAAUSDT-*.zip")))["fingerprint"] == run["fingerprint"]
    assert (
        hedgehog(*backtest(Path("~no-such-user/x*"))).stderr == "hedgehog: --file: ~no-such-user/x*: no file matches\n"
    )
    assert (
        hedgehog(*backtest(tmp_path / "CCC*.zip")).stderr == f"hedgehog: --file: {tmp_path}/CCC*.zip: no file matches\n"
    )


def test_a_bad_file_among_others_is_named_and_the_others_are_stored(tmp_path: Path) -> None:
    lines = [f"{1000 + n},0.5,10,5,{START}00000{n}000,False,True" for n in range(3)]
    for symbol, more in (("AUSDT", []), ("BUSDT", ["x,y"]), ("CUSDT", []), ("DUSDT", ["1003,0.5,1,1,1,True"])):
        archived(tmp_path / f"{symbol}-trades-2025-01-01.csv", [*lines, *more])
    result = hedgehog("archive", "import", tmp_path, "--out", tmp_path / "archive")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "hedgehog: BUSDT-trades-2025-01-01.csv:4: 2 fields instead of 7",
        "DUSDT-trades-2025-01-01.csv:4: 6 fields instead of 7",
    ]
    stored = sorted(path.parent.name for path in (tmp_path / "archive").rglob("*.parquet"))
    assert stored == ["AUSDT", "CUSDT"]
    result = hedgehog(*backtest(*sorted(tmp_path.glob("*.csv")), symbol="BUSDT"))
    assert result.exit_code == 2
    assert result.stderr == "hedgehog: --file: BUSDT-trades-2025-01-01.csv:4: 2 fields instead of 7\n"


UNREADABLE = {
    "CUSDT-trades-2025-01-01.zip": b"no zip",
    "DUSDT-trades-2025-01-01.csv.gz": b"no gzip",
    "EUSDT-trades-2025-01-01.csv": b"hello",
}


def test_files_that_cannot_be_read_stop_no_other(tmp_path: Path) -> None:
    for symbol in ("AUSDT", "BUSDT"):
        line = f"1000,0.5,10,5,{START}000000,False,True"
        archived(tmp_path / "days" / f"{symbol}-trades-2025-01-01.csv", [line])
    for name, content in UNREADABLE.items():
        (tmp_path / "days" / name).write_bytes(content)
    result = hedgehog("archive", "import", tmp_path / "days", "--out", tmp_path / "archive")
    assert result.exit_code == 1
    for name in UNREADABLE:
        assert result.stderr.count(name) == 1
    stored = sorted(path.parent.name for path in (tmp_path / "archive").rglob("*.parquet"))
    assert stored == ["AUSDT", "BUSDT"]
    # by their names they have no trade of the symbol that is asked for
    assert data(*backtest(tmp_path / "days", symbol="AUSDT"))["trades"] == 1
    only = hedgehog("archive", "import", tmp_path / "days", "--symbol", "AUSDT", "--out", tmp_path / "other")
    assert only.exit_code == 0, only.stderr
    # of those that may have it all are named
    result = hedgehog(*backtest(tmp_path / "days", symbol="CUSDT"))
    assert result.exit_code == 2
    assert "CUSDT-trades-2025-01-01.zip: File is not a zip file" in result.stderr


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_refused_by_all_in_the_same_words(tmp_path: Path, case: str) -> None:
    line, message = BAD_LINES[case]
    path = tmp_path / "trades.csv"
    path.write_bytes("\n".join([HEADER, *Six().lines(), line, ""]).encode("utf-8", "surrogateescape"))
    said = f"trades.csv:8: {message}"
    run, stored = hedgehog(*backtest(path)), hedgehog("archive", "import", path, "--out", tmp_path / "archive")
    assert (run.exit_code, stored.exit_code) == (2, 1)
    assert said in run.stderr
    assert said in stored.stderr
    (bad,) = (event for event in tape(path) if isinstance(event, BadRecord))
    assert said in f"{bad.origin}: {bad.error}"
    for read in (lambda: recorded(path, 60), lambda: recorded_exchange([path])):
        with pytest.raises(FileError) as raised:
            read()
        assert said in str(raised.value)


DAYS = [f"{n},{price},1000,5,{START + n - 1}000000,True,True" for n, price in enumerate(PRICES, start=1)]


def test_a_name_that_is_no_text_is_kept_as_one(tmp_path: Path) -> None:
    try:
        path = archived(tmp_path / "AAAUSDT-trades-2025-01-01.csv", DAYS).rename(tmp_path / "AAAUSDT-trades-\udcff.csv")
    except OSError:
        pytest.skip("the file system takes UTF-8 only")
    run = same_everywhere(tmp_path / "out", path)
    assert run["source"] == f"{tmp_path}/AAAUSDT-trades-\\udcff.csv"
    assert data("archive", "list", tmp_path / "out" / "archive")[0]["sources"] == ["AAAUSDT-trades-\\udcff.csv"]


def test_days_of_an_archive_beside_other_files_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    data("archive", "import", archived(tmp_path / "AAAUSDT-trades-2025-01-01.csv", DAYS[:3]), "--out", folder)
    archived(folder / "AAAUSDT-trades-2025-01-01.zip", DAYS[3:])
    assert same_everywhere(tmp_path / "first", folder).items() >= IN_ORDER.items()
    archived(folder / "AAAUSDT-trades-2025-01-01.zip", DAYS[1:])
    assert same_everywhere(tmp_path / "again", folder).items() >= IN_ORDER.items()


def test_what_a_folder_has_and_nobody_can_read_is_named(tmp_path: Path) -> None:
    folder = archived(tmp_path / "days" / "AAAUSDT-trades-2025-01-01.csv", DAYS).parent
    loop, gone = (folder / f"AAAUSDT-trades-2025-01-0{day}.csv" for day in (2, 3))
    loop.symlink_to(loop.name)
    gone.symlink_to("nowhere")
    for command in (backtest(folder), ["archive", "import", folder, "--out", tmp_path / "archive"]):
        said = hedgehog(*command).stderr.removeprefix("hedgehog: ").removeprefix("--file: ").splitlines()
        assert said == [f"{loop}: Too many levels of symbolic links", f"{gone}: No such file or directory"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_below_that_nobody_may_read_is_named(tmp_path: Path) -> None:
    folder = archived(tmp_path / "AAAUSDT-trades-2025-01-01.csv", DAYS).parent
    below = folder / "below"
    below.mkdir(mode=0)
    assert hedgehog(*backtest(folder)).stderr == f"hedgehog: --file: {below}: Permission denied\n"
