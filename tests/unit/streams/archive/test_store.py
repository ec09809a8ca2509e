"""`hedgehog archive` on files: what is stored, what is refused and by which name, and that it is the trades exactly."""

import gzip
import hashlib
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from producers.recorded.files import FileError, read_events, read_trades
from schemas.records import Trade
from schemas.units import plain
from streams.archive.day import ArchiveError, describe, read_day, read_manifest, write_day
from streams.archive.folder import locked
from streams.archive.read import read_archive
from streams.archive.rows import from_trades
from streams.cli.main import app
from streams.recordings.files import from_files
from streams.recordings.recording import NoTrades
from tests.samples import INSTRUMENT, trade

SHARED = Path(__file__).parents[5] / "shared"
RECORDED = {"XRPUSDT-2019-06-02": [(25397978, 25397979), (25442929, 25443079)], "ETHUSDT-2019-06-07": []}
"""The recorded days and the ids that their files do not have."""
HEADER = (
    "event_type,event_time,symbol,trade_id,price,quantity,buyer_order_id,seller_order_id,trade_time,buyer_market_maker"
)
NOON = 1_559_476_800_000_000
"""2019-06-02T12:00:00Z."""
DAY = 86_400_000_000


def hedgehog(*words: object) -> Result:
    return CliRunner().invoke(app, ["archive", *map(str, words)])


def data(*words: object) -> Any:
    result = hedgehog(*words, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def at(number: int, time: int, price: str = "0.43", symbol: str = "XRPUSDT") -> Trade:
    """A trade as recordings have them: milliseconds, order ids, received when it was sent."""
    made = trade(price, number, f"binance:{symbol}")
    known = {"buyer_order_id": number * 2, "seller_order_id": number * 2 + 1}
    return msgspec.structs.replace(made, trade_time=time, event_time=time + 3_000, received_time=time + 3_000, **known)


def recording(path: Path, trades: list[Trade], *more: str) -> Path:
    lines = [
        f"trade,{t.event_time // 1000},{t.symbol},{t.trade_id},{plain(t.price)},{plain(t.quantity)},"
        f"{t.buyer_order_id},{t.seller_order_id},{t.trade_time // 1000},{str(t.buyer_is_maker).lower()}"
        for t in trades
    ]
    text = "\n".join([HEADER, *lines, *more]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def public(folder: Path, day: str, trades: list[Trade], unit: int = 1_000, header: bool = False) -> Path:
    """A file of Binance's archive with its checksum, in its folders; `unit` is how many µs its times count."""
    symbol = trades[0].symbol
    path = folder / "data/spot/daily/trades" / symbol / f"{symbol}-trades-{day}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch"] if header else []
    lines += [
        f"{t.trade_id},{plain(t.price)},{plain(t.quantity)},0,{t.trade_time // unit},{t.buyer_is_maker},True"
        for t in trades
    ]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{symbol}-trades-{day}.csv", "\n".join(lines) + "\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.CHECKSUM").write_text(f"{digest}  {path.name}\n")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


@pytest.fixture
def two_days(tmp_path: Path) -> list[Trade]:
    """Two symbols over midnight; XRPUSDT has no trade 4 and no trades 7 to 9."""
    times = {number: NOON + 2 * number * 3_600_000_000 for number in (1, 2, 3, 5, 6, 10, 11)}
    return [
        *(at(number, time) for number, time in times.items()),
        *(at(number, time, "200", "ETHUSDT") for number, time in times.items() if number < 4),
    ]


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
    path = recording(tmp_path / "a.csv", [*two_days[::-1], *two_days])
    data("import", path, "--out", tmp_path / "archive")
    monkeypatch.setattr("streams.archive.source.BLOCK_BYTES", 400)
    monkeypatch.setattr("streams.archive.store.SPILL_ROWS", 3)
    days = data("import", path, "--out", tmp_path / "bounded")["days"]
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
def test_a_wrong_checksum_is_refused_before_anything_is_written(
    tmp_path: Path, damage: Callable[[Path, Path], Any], message: str
) -> None:
    public(tmp_path, "2019-06-01", [at(1, NOON - DAY)])
    wrong = public(tmp_path, "2019-06-02", [at(2, NOON)])
    damage(wrong, wrong.with_name(f"{wrong.name}.CHECKSUM"))
    result = hedgehog("import", tmp_path / "data", "--out", tmp_path / "archive")
    assert result.exit_code == 1
    assert message in result.stderr
    assert "XRPUSDT-trades-2019-06-02.zip" in result.stderr
    assert contents(tmp_path / "archive") == {}


BAD_LINES = {
    "price": ("trade,1,X,1,abc,1,,,1,true", "price: 'abc' is not a decimal number"),
    "zero": ("trade,1,X,1,0.00000000,1,,,1,true", "price: 0 is not between"),
    "too fine": ("trade,1,X,1,0.123456789,1,,,1,true", "price: '0.123456789' has more than 8 decimals"),
    "negative": ("trade,1,X,1,1,-1,,,1,true", "quantity: -1 is not between"),
    "id": ("trade,1,X,1.5,1,1,,,1,true", "trade_id: '1.5' is not a whole number"),
    "order id": ("trade,1,X,1,1,1,-5,,1,true", "buyer_order_id: '-5' is not a whole number"),
    "time": ("trade,0,X,1,1,1,,,1,true", "event_time: 0 is not a time"),
    "maker": ("trade,1,X,1,1,1,,,1,yes", "buyer_market_maker: 'yes' is neither true nor false"),
    "kind": ("quote,1,X,1,1,1,,,1,true", "event_type: 'quote' is not 'trade'"),
    "symbol": ("trade,1,,1,1,1,,,1,true", "symbol: '' is empty"),
    "null": ("trade,1,X,1,,1,,,1,true", "price: '' is not a decimal number"),
    "short": ("trade,1,X", "3 fields instead of 10"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_named_and_nothing_is_written(tmp_path: Path, two_days: list[Trade], case: str) -> None:
    line, message = BAD_LINES[case]
    result = hedgehog("import", recording(tmp_path / "a.csv", two_days, line), "--out", tmp_path / "archive")
    assert result.exit_code == 1
    assert f"a.csv:12: {message}" in result.stderr
    assert contents(tmp_path / "archive") == {}
    assert [path.name for path in (tmp_path / "archive").iterdir()] == [".lock"]


@pytest.mark.parametrize("doubtful", [1, 2])
def test_from_a_doubtful_block_on_a_file_is_read_by_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_days: list[Trade], doubtful: int
) -> None:
    """Each line once, whichever block it is; and what has no place in 64 bits is named."""
    path, calls = recording(tmp_path / "a.csv", two_days), iter(range(1, 100))
    monkeypatch.setattr("streams.archive.source.BLOCK_BYTES", 400)
    with monkeypatch.context() as patch:
        patch.setattr("streams.archive.source.sound", lambda rows: next(calls) != doubtful)
        stored = data("import", path, "--out", tmp_path / "doubted")["days"]
    assert next(calls) == doubtful + 1
    assert [(row["read"], row["added"]) for row in stored] == [(3, 3), (4, 4), (3, 3)]
    data("import", path, "--out", tmp_path / "archive")
    assert contents(tmp_path / "doubted") == contents(tmp_path / "archive")
    large = recording(tmp_path / "b.csv", two_days, f"trade,1,XRPUSDT,{2**63},1,1,,,1,true")
    result = hedgehog("import", large, "--out", tmp_path / "archive")
    assert f"b.csv: trade_id: {2**63} of trade {2**63} is above 2^63 - 1" in result.stderr


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
        assert contents(folder) == before


def test_only_some_symbols(tmp_path: Path, two_days: list[Trade]) -> None:
    data("import", recording(tmp_path / "a.csv", two_days), "--symbol", "eth-usdt", "--out", tmp_path / "archive")
    assert list(contents(tmp_path / "archive")) == ["binance/ETHUSDT/2019-06-02.parquet"]


def test_a_symbol_that_makes_no_folder(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.csv", [at(1, NOON, symbol="../..")])
    result = hedgehog("import", path, "--out", tmp_path / "archive")
    assert result.exit_code == 1
    assert "instrument: 'binance:../..' is not" in result.stderr


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


@pytest.fixture
def archive(tmp_path: Path, two_days: list[Trade]) -> Path:
    data("import", recording(tmp_path / "all.csv", two_days), "--out", tmp_path / "archive")
    return tmp_path / "archive"


def test_a_sound_archive_has_its_gaps_named(archive: Path) -> None:
    seen = data("verify", archive)
    assert (seen["files"], seen["rows"], seen["problems"]) == (3, 10, 0)
    assert [(Path(found["file"]).name, found["kind"], found["finding"]) for found in seen["findings"]] == [
        ("2019-06-02.parquet", "gap", "no trade has id 4"),
        ("2019-06-03.parquet", "gap", "no trade has an id from 7 to 9"),
    ]
    strict = hedgehog("verify", archive, "--no-gaps")
    assert strict.exit_code == 1
    assert "2 problems" in strict.stderr


def test_what_is_missing_between_days_is_named(tmp_path: Path) -> None:
    data("import", recording(tmp_path / "a.csv", [ONE, at(3, NOON + 3 * DAY)]), "--out", tmp_path / "archive")
    found = [found["finding"] for found in data("verify", tmp_path / "archive")["findings"]]
    assert found == ["no file from 2019-06-03 to 2019-06-04", "no trade has id 2, since 2019-06-02.parquet"]


def rewritten(path: Path, trades: list[Trade], **said: Any) -> None:
    """The file with other rows, or a manifest that says something else, and a digest that is right for both."""
    rows = from_trades(trades)
    old = read_manifest(path)
    write_day(path, msgspec.structs.replace(describe(rows, old.instrument, old.day, old.sources), **said), rows)


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 8] ^= 1
    path.write_bytes(data)


def without_digest(path: Path) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def other_rows(path: Path) -> None:
    table = pq.read_table(path)
    prices = table["price"].combine_chunks()
    where = table.schema.get_field_index("price")
    pq.write_table(
        table.set_column(where, table.schema.field("price"), prices.take(list(range(len(table)))[::-1])), path
    )


def other_type(path: Path) -> None:
    table = pq.read_table(path)
    where = table.schema.get_field_index("price")
    pq.write_table(table.set_column(where, "price", table["price"].cast(pa.float64())), path)


ONE, TWO = at(1, NOON), at(2, NOON + 1_000)
DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "one bit": (flipped, ""),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "Parquet"),
    "empty": (lambda path: path.write_bytes(b""), "Parquet"),
    "foreign": (without_digest, "was not written by hedgehog archive"),
    "type": (other_type, "price: double, nullable: True, instead of decimal128(18, 8), nullable: False"),
    "order": (lambda path: rewritten(path, [TWO, ONE]), "trade_id: 1 comes after 2, which is the later trade"),
    "order of ids": (lambda path: rewritten(path, [at(2, NOON), ONE]), "trade_id: 1 comes after 2"),
    "repeated": (lambda path: rewritten(path, [ONE, ONE]), "trade_id: 1 is there 2 times: price 0.43"),
    "two days": (lambda path: rewritten(path, [ONE, at(2, NOON + DAY)]), "trades of 2019-06-02 and of 2019-06-03"),
    "other day": (lambda path: rewritten(path, [at(1, NOON + DAY)]), "trade_time: its trades are of 2019-06-03"),
    "sum": (lambda path: rewritten(path, [ONE, TWO], gaps=3), "gaps: the manifest says 3, and it is 0"),
    "name": (lambda path: rewritten(path, [ONE], day="2019-06-04"), "day: the manifest says 2019-06-04, the name 2019"),
    "symbol": (lambda path: rewritten(path, [ONE], symbol="ADAUSDT"), "the manifest says binance:ADAUSDT, the folder"),
    "no price": (lambda path: rewritten(path, [msgspec.structs.replace(ONE, price=0)]), "it has a price, a quantity"),
    "other id": (lambda path: rewritten(path, [ONE, at(10, NOON + 1)]), "trade_id: 10 is in 2019-06-02.parquet too"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_every_damage_is_named(archive: Path, case: str) -> None:
    damage, message = DAMAGE[case]
    damage(archive / "binance/XRPUSDT/2019-06-02.parquet")
    result = hedgehog("verify", archive, "--json")
    assert result.exit_code == 1
    problems = [found["finding"] for found in json.loads(result.stdout)["findings"] if found["kind"] == "problem"]
    assert problems
    assert any(message in problem for problem in problems), problems


def test_every_flipped_bit_is_found(archive: Path) -> None:
    """Wherever a bit of the file is changed, it is refused, or read as it was written."""
    path = archive / "binance/ETHUSDT/2019-06-02.parquet"
    whole, (manifest, rows) = path.read_bytes(), read_day(path)
    silent = []
    for place in random.Random(4).sample(range(len(whole)), 400):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            read = read_day(path)
        except ArchiveError:
            continue
        assert read[0] == manifest
        assert read[1].tobytes() == rows.tobytes()
        silent.append(place)
    # most of so small a file says nothing about the trades: statistics, the name of the writing library
    assert len(silent) < 300


def test_nothing_to_verify(tmp_path: Path) -> None:
    assert "no such folder" in hedgehog("verify", tmp_path / "nowhere").stderr
    result = hedgehog("verify", tmp_path)
    assert result.exit_code == 1
    assert "holds no file of an archive" in result.stderr


def test_the_list(archive: Path) -> None:
    rows = data("list", archive, "--symbol", "XRPUSDT")
    assert [(row["day"], row["rows"], row["first_id"], row["last_id"]) for row in rows] == [
        ("2019-06-02", 4, 1, 5),
        ("2019-06-03", 3, 6, 11),
    ]
    assert rows[0]["bytes"] == (archive / "binance/XRPUSDT/2019-06-02.parquet").stat().st_size


def test_retention_deletes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    days = [at(number, NOON + number * DAY) for number in (0, 1, 5)] + [at(1, NOON, symbol="ETHUSDT")]
    data("import", recording(tmp_path / "a.csv", days), "--out", folder)
    kept = folder / "binance/XRPUSDT/2019-06-01.csv"
    kept.write_text("not of the layout")
    assert data("prune", folder, "--keep-days", 6) == []
    deleted = data("prune", folder, "--keep-days", 5)
    assert deleted == [{"deleted": str(folder / "binance/XRPUSDT/2019-06-02.parquet")}]
    given = data("import", recording(tmp_path / "b.csv", [at(6, NOON + 6 * DAY)]), "--out", folder, "--keep-days", 2)
    assert given["deleted"] == [str(folder / "binance/XRPUSDT/2019-06-03.parquet")]
    assert list(contents(folder)) == [
        "binance/ETHUSDT/2019-06-02.parquet",
        "binance/XRPUSDT/2019-06-07.parquet",
        "binance/XRPUSDT/2019-06-08.parquet",
    ]
    assert kept.exists()


def test_retention_does_not_touch_a_file_that_is_not_what_its_name_says(archive: Path) -> None:
    path = archive / "binance/XRPUSDT/2019-06-02.parquet"
    path.write_bytes((archive / "binance/ETHUSDT/2019-06-02.parquet").read_bytes())
    result = hedgehog("prune", archive, "--keep-days", 1)
    assert result.exit_code == 1
    assert "not deleted: it is binance:ETHUSDT" in result.stderr
    assert path.exists()


def test_a_range_of_an_archive_is_read(archive: Path, two_days: list[Trade]) -> None:
    xrp = [trade for trade in two_days if trade.symbol == "XRPUSDT"]
    for since, until in (
        (None, None),
        (NOON + DAY // 2, None),
        (xrp[1].trade_time, xrp[4].trade_time),
        (None, xrp[3].trade_time),
    ):
        expected = [
            t for t in xrp if (since is None or t.trade_time >= since) and (until is None or t.trade_time < until)
        ]
        for paths in ([archive], [archive / "binance/XRPUSDT"], sorted((archive / "binance/XRPUSDT").iterdir())[::-1]):
            (recorded,) = read_archive(paths, [INSTRUMENT], (since, until))
            assert recorded.ids.tolist() == [one.trade_id for one in expected]
            assert recorded.times.tolist() == [one.trade_time for one in expected]


def test_the_fingerprint_is_that_of_the_recording(archive: Path) -> None:
    instruments = [INSTRUMENT, "binance:ETHUSDT"]
    archived, recorded = read_archive([archive], instruments), from_files([archive.parent / "all.csv"], instruments)
    assert [one.fingerprint for one in archived] == [one.fingerprint for one in recorded]


def test_reading_what_is_not_there(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(NoTrades, match="has no trade of binance:XRPUSDT"):
        read_archive([archive], [INSTRUMENT], (NOON + 9 * DAY, None))
    with pytest.raises(ArchiveError, match="no archive of binance:ADAUSDT; it has binance:ETHUSDT, binance:XRPUSDT"):
        read_archive([archive], ["binance:ADAUSDT"])
    with pytest.raises(NoTrades, match="there is binance:XRPUSDT"):
        read_archive([archive / "binance/XRPUSDT"], ["binance:ETHUSDT"])
    with pytest.raises(ArchiveError, match="2019-06-02 of binance:XRPUSDT is in "):
        read_archive([archive, archive / "binance/XRPUSDT"], [INSTRUMENT])
    with pytest.raises(FileError, match=r"all\.parquet: "):
        read_archive([recording(tmp_path / "all.parquet", [ONE])], [INSTRUMENT])


def test_a_quantity_of_more_than_64_bits_is_kept(tmp_path: Path) -> None:
    large = msgspec.structs.replace(ONE, quantity=10**28 - 1)
    data("import", recording(tmp_path / "a.csv", [large]), "--out", tmp_path / "archive")
    path = tmp_path / "archive/binance/XRPUSDT/2019-06-02.parquet"
    assert next(read_trades(path)) == large
    (archived,) = read_archive([path], [INSTRUMENT])
    (plain_file,) = from_files([tmp_path / "a.csv"], [INSTRUMENT])
    assert archived.quantities.tolist() == plain_file.quantities.tolist() == [2**63 - 1]


def test_a_foreign_parquet_file_for_the_producer(tmp_path: Path) -> None:
    for table, message in (
        (pa.table({"price": [1.0]}), "has no column exchange, symbol, quantity"),
        (pa.table({name: [1.5] for name in Trade.__struct_fields__}), "price: double is not a decimal"),
    ):
        pq.write_table(table, tmp_path / "a.parquet")
        with pytest.raises(FileError, match=message):
            list(read_events(tmp_path / "a.parquet"))


@pytest.mark.parametrize("day", RECORDED)
def test_the_recorded_days_exactly(day: str, tmp_path: Path) -> None:
    path = SHARED / "trades" / f"{day}.csv.gz"
    if not path.exists():
        pytest.skip(f"THE RECORDED DAYS ARE NOT CHECKED: {path} is not here")
    (row,) = data("import", path, "--out", tmp_path)["days"]
    assert [tuple(gap) for gap in row["gap_ranges"]] == RECORDED[day]
    stored = tmp_path / "binance" / day[:7] / f"{day[8:]}.parquet"
    recorded = list(read_trades(path))
    assert read_day(stored)[1].tobytes() == from_trades(recorded).tobytes()
    (archived,) = read_archive([tmp_path], [f"binance:{day[:7]}"])
    assert archived.prices.tolist() == [trade.price for trade in recorded]
    assert archived.quantities.tolist() == [trade.quantity for trade in recorded]
