"""`hedgehog archive import` on files: what is stored, what is refused and by which name."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from producers.recorded.files import read_trades
from schemas.records import Trade
from schemas.units import plain
from streams.archive.folder import locked
from streams.archive.read import read_archive
from tests.samples import INSTRUMENT
from tests.unit.producers.recorded.bad_lines import BAD_LINES
from tests.unit.streams.archive.files import DAY, NOON, at, contents, data, hedgehog, public, recording


def test_what_is_stored_and_reported(tmp_path: Path, two_days: list[Trade]) -> None:
    folder = tmp_path / "archive"
    stored = data("import", recording(tmp_path / "all.csv", [*two_days[::-1], *two_days[:3]]), "--out", folder)["days"]
    names = ("instrument", "day", "rows", "read", "added", "repeated", "gap_ranges", "missing_ids", "state")
    assert [tuple(row[name] for name in names) for row in stored] == [
        ("binance:ETHUSDT", "2019-06-02", 3, 3, 3, 0, [], 0, "new"),
        ("binance:XRPUSDT", "2019-06-02", 4, 7, 4, 3, [[4, 4]], 1, "new"),
        ("binance:XRPUSDT", "2019-06-03", 3, 3, 3, 0, [[7, 9]], 3, "new"),
    ]
    assert list(contents(folder)) == [
        "binance/ETHUSDT/2019-06-02.parquet",
        "binance/XRPUSDT/2019-06-02.parquet",
        "binance/XRPUSDT/2019-06-03.parquet",
    ]
    days = [trade for path in sorted((folder / "binance/XRPUSDT").iterdir()) for trade in read_trades(path)]
    assert days == [trade for trade in two_days if trade.symbol == "XRPUSDT"]


def test_any_order_of_imports_gives_the_same_bytes(tmp_path: Path, two_days: list[Trade]) -> None:
    """And another import changes nothing: not a byte, not the time of the file."""
    paths = [
        recording(tmp_path / "a.csv", two_days[:4]),
        recording(tmp_path / "b.csv.gz", two_days[2:][::-1]),
        public(tmp_path, "2019-06-02", two_days[:4]),
    ]
    data("import", *paths, "--out", tmp_path / "together")
    for path in (paths[2], paths[0], paths[1]):
        data("import", path, "--out", tmp_path / "one-by-one")
    assert contents(tmp_path / "together") == contents(tmp_path / "one-by-one")
    times = [path.stat().st_mtime_ns for path in tmp_path.glob("together/*/*/*")]
    again = data("import", *paths, "--out", tmp_path / "together")["days"]
    assert {row["state"] for row in again} == {"unchanged"}
    assert sum(row["added"] for row in again) == 0
    assert times == [path.stat().st_mtime_ns for path in tmp_path.glob("together/*/*/*")]


def test_what_is_spilled_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_days: list[Trade]) -> None:
    paths = [recording(tmp_path / f"{number}.csv", two_days[number:][::-1]) for number in range(3)]
    data("import", *paths, "--out", tmp_path / "archive")
    monkeypatch.setattr("producers.recorded.unpacked.BLOCK_BYTES", 400)
    monkeypatch.setattr("streams.archive.store.SPILL_ROWS", 3)
    days = data("import", *paths, "--out", tmp_path / "bounded")["days"]
    assert len(days) > 3
    assert contents(tmp_path / "bounded") == contents(tmp_path / "archive")


@pytest.mark.parametrize("name", ["a.csv.gz", "XRPUSDT-trades-2019-06-02.zip"])
def test_a_damaged_package_is_named(tmp_path: Path, name: str) -> None:
    trades = [at(number, NOON + number * 1_000) for number in range(300)]
    path = recording(tmp_path / name, trades) if name == "a.csv.gz" else public(tmp_path, "2019-06-02", trades)
    path.with_name(f"{path.name}.CHECKSUM").unlink(missing_ok=True)
    whole = path.read_bytes()
    for place in (len(whole) // 3, len(whole) // 2, len(whole) * 4 // 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        result = hedgehog("import", path, "--out", tmp_path / "archive")
        assert result.exit_code == 1, result.output
        assert name in result.stderr
        assert contents(tmp_path / "archive") == {}


def test_a_day_in_two_parts_is_merged(tmp_path: Path, two_days: list[Trade]) -> None:
    folder = tmp_path / "archive"
    data("import", recording(tmp_path / "late.csv", two_days[1:4]), "--out", folder)
    (row,) = data("import", recording(tmp_path / "early.csv", two_days[:2]), "--out", folder)["days"]
    assert (row["state"], row["rows"], row["added"], row["repeated"]) == ("merged", 4, 1, 1)
    assert row["sources"] == ["early.csv", "late.csv"]


def test_a_folder_of_the_public_archive(tmp_path: Path) -> None:
    """Milliseconds before 2025 and microseconds since, with header and without; other kinds of data are left out."""
    old = [at(number, NOON + number * 1_000) for number in (1, 2, 3)]
    new = [at(number, NOON + 2_100 * DAY + number) for number in (4, 5)]
    public(tmp_path, "2019-06-02", old)
    public(tmp_path, "2025-03-02", new, unit=1, header=True)
    other = tmp_path / "data/spot/daily/trades/XRPUSDT/XRPUSDT-aggTrades-2019-06-02.zip"
    other.write_bytes(b"")
    stored = data("import", tmp_path / "data", "--out", tmp_path / "archive")
    assert [(row["day"], row["rows"]) for row in stored["days"]] == [("2019-06-02", 3), ("2025-03-02", 2)]
    assert stored["left_out_files"] == [str(other)]
    (recorded,) = read_archive([tmp_path / "archive"], [INSTRUMENT])
    assert recorded.times.tolist() == [one.trade_time for one in old + new]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda zipped, text: zipped.write_bytes(zipped.read_bytes() + b" "), ": its SHA-256 is "),
        (lambda zipped, text: text.write_text("f" * 64), f"says {'f' * 64}"),
        (
            lambda zipped, text: text.write_text(text.read_text().replace("06-02", "06-03")),
            "is the checksum of XRPUSDT",
        ),
        (lambda zipped, text: text.write_text("no digest"), "'no digest' is not a SHA-256"),
    ],
)
def test_a_wrong_checksum_is_refused_and_the_other_file_stored(
    tmp_path: Path, damage: Callable[[Path, Path], Any], message: str
) -> None:
    public(tmp_path, "2019-06-01", [at(1, NOON - DAY)])
    wrong = public(tmp_path, "2019-06-02", [at(2, NOON)])
    damage(wrong, wrong.with_name(f"{wrong.name}.CHECKSUM"))
    result = hedgehog("import", tmp_path / "data", "--out", tmp_path / "archive")
    assert result.exit_code == 1
    assert message in result.stderr
    assert "XRPUSDT-trades-2019-06-02.zip" in result.stderr
    assert list(contents(tmp_path / "archive")) == ["binance/XRPUSDT/2019-06-01.parquet"]


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_named_and_the_other_files_are_stored(tmp_path: Path, two_days: list[Trade], case: str) -> None:
    line, message = BAD_LINES[case]
    bad = recording(tmp_path / "a.csv", [at(number, NOON) for number in range(101, 110)], line)
    again = recording(tmp_path / "c.csv", [at(number, NOON) for number in range(201, 205)], "x,y")
    result = hedgehog("import", bad, recording(tmp_path / "b.csv", two_days), again, "--out", tmp_path / "archive")
    assert result.exit_code == 1
    assert f"a.csv:11: {message}" in result.stderr
    assert "c.csv:6: 2 fields instead of 10" in result.stderr
    data("import", tmp_path / "b.csv", "--out", tmp_path / "alone")
    assert contents(tmp_path / "archive") == contents(tmp_path / "alone")
    assert [path.name for path in (tmp_path / "archive").iterdir() if path.name.startswith(".")] == [".lock"]


def test_a_bad_line_far_down_leaves_out_what_was_read_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_days: list[Trade]
) -> None:
    monkeypatch.setattr("producers.recorded.unpacked.BLOCK_BYTES", 200)
    bad = recording(tmp_path / "a.csv", two_days, "x,y")
    result = hedgehog("import", bad, "--out", tmp_path / "archive", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["bad"] == ["a.csv:12: 2 fields instead of 10"]
    assert contents(tmp_path / "archive") == {}


def test_two_trades_under_one_id(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    data("import", recording(tmp_path / "a.csv", [at(1, NOON), at(2, NOON)]), "--out", folder)
    before = contents(folder)
    for other in (at(2, NOON, "0.5"), at(2, NOON + DAY)):
        result = hedgehog("import", recording(tmp_path / "b.csv", [other]), "--out", folder)
        assert result.exit_code == 1
        assert "trade_id: two trades have 2: price 0.43, quantity 1000, time 2019-06-02T12:00" in result.stderr
        assert (
            f"price {plain(other.price)}, quantity 1000, time {np.datetime64(other.trade_time, 'us')}" in result.stderr
        )
        assert "2019-06-02.parquet and " in result.stderr
        assert "b.csv" in result.stderr
        assert contents(folder) == before


def test_a_day_that_contradicts_itself_is_left_out(tmp_path: Path, two_days: list[Trade]) -> None:
    paths = [recording(tmp_path / name, trades) for name, trades in (("a.csv", two_days), ("b.csv", [at(2, NOON)]))]
    result = hedgehog("import", *paths, "--out", tmp_path / "archive", "--json")
    assert result.exit_code == 1
    assert "binance:XRPUSDT 2019-06-02: trade_id: two trades have 2: " in result.stderr
    assert "in a.csv and b.csv" in result.stderr
    assert list(contents(tmp_path / "archive")) == [
        "binance/ETHUSDT/2019-06-02.parquet",
        "binance/XRPUSDT/2019-06-03.parquet",
    ]


def test_ids_that_begin_anew_on_another_day_are_other_trades(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    first = [at(number, NOON + number * 1_000) for number in (1, 2, 3)]
    prices = enumerate(["9", "0.43", "9"], start=1)
    second = [at(number, NOON + 19 * DAY + number * 1_000, price) for number, price in prices]
    data("import", recording(tmp_path / "a.csv", first), "--out", folder)
    (stored,) = data("import", recording(tmp_path / "b.csv", second), "--out", folder)["days"]
    assert (stored["state"], stored["added"]) == ("new", 3)
    days = [trade for path in sorted((folder / "binance/XRPUSDT").iterdir()) for trade in read_trades(path)]
    assert days == first + second
    # both at once, and again, are the same
    both = tmp_path / "b.csv", tmp_path / "a.csv"
    data("import", *both, "--out", tmp_path / "at-once")
    assert contents(tmp_path / "at-once") == contents(folder)
    assert {row["state"] for row in data("import", *both, "--out", folder)["days"]} == {"unchanged"}
    assert "too" not in hedgehog("verify", folder).output


def test_a_checksum_that_a_windows_tool_wrote(tmp_path: Path, two_days: list[Trade]) -> None:
    path = recording(tmp_path / "a.csv", two_days)
    beside = path.with_name("a.csv.CHECKSUM")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    beside.write_bytes(f"\ufeff{digest} *a.csv\r\n".encode())
    assert data("import", path, "--out", tmp_path / "archive")["days"]
    beside.write_text("\ufeff" + "0" * 64, encoding="utf-8")
    assert f"{path}: its SHA-256 is {digest}" in hedgehog("import", path, "--out", tmp_path / "archive").stderr


@pytest.mark.parametrize("what", ["archive", "archive/*/XRPUSDT/*.parquet", "DAY.PARQUET"])
def test_days_of_an_archive_go_into_another_one(tmp_path: Path, archive: Path, what: str) -> None:
    day = "binance/XRPUSDT/2019-06-02.parquet"
    (tmp_path / "DAY.PARQUET").write_bytes((archive / day).read_bytes())
    data("import", tmp_path / what, "--out", tmp_path / "other")
    trades = list(read_trades(archive / day))
    assert list(read_trades(tmp_path / "other" / day)) == trades
    found = read_archive([tmp_path / what], ["binance:XRPUSDT"])[0]
    assert found.ids[: len(trades)].tolist() == [trade.trade_id for trade in trades]


def test_only_some_symbols(tmp_path: Path, two_days: list[Trade]) -> None:
    data("import", recording(tmp_path / "a.csv", two_days), "--symbol", "eth-usdt", "--out", tmp_path / "archive")
    assert list(contents(tmp_path / "archive")) == ["binance/ETHUSDT/2019-06-02.parquet"]


def test_nobody_else_writes_meanwhile(tmp_path: Path, two_days: list[Trade]) -> None:
    with locked(tmp_path / "archive"):
        result = hedgehog("import", recording(tmp_path / "a.csv", two_days), "--out", tmp_path / "archive")
    assert result.exit_code == 1
    assert "another hedgehog archive is writing to it" in result.stderr


def test_what_a_killed_import_left_is_removed(tmp_path: Path, two_days: list[Trade]) -> None:
    folder, path = tmp_path / "archive", recording(tmp_path / "a.csv", two_days)
    data("import", path, "--out", folder)
    (folder / ".spill-x").mkdir()
    (folder / "binance/XRPUSDT/.unwritten-x").write_bytes(b"half")
    data("import", path, "--out", folder)
    assert not [left for left in folder.rglob(".*") if left.name != ".lock"]
