"""What an archive gives: its list, its trades exactly as recorded; and what retention deletes of it."""

import json
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from producers.recorded.errors import FileError
from producers.recorded.files import read_events, read_trades
from producers.recorded.rows import from_trades
from schemas.records import Trade
from streams.archive.day import read_day
from streams.archive.read import read_archive
from streams.recordings.files import from_files
from streams.recordings.recording import NoTrades
from tests.samples import INSTRUMENT
from tests.unit.streams.archive.files import DAY, NOON, at, contents, data, hedgehog, recording

SHARED = Path(__file__).parents[5] / "shared"
RECORDED = {"XRPUSDT-2019-06-02": [(25397978, 25397979), (25442929, 25443079)], "ETHUSDT-2019-06-07": []}
"""The recorded days and the ids that their files do not have."""
ONE = at(1, NOON)


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


def test_a_damaged_day_hides_no_other(archive: Path, tmp_path: Path) -> None:
    damaged = [archive / f"binance/{name}.parquet" for name in ("ETHUSDT/2019-06-02", "XRPUSDT/2019-06-02")]
    for path in damaged:
        path.write_bytes(b"damage")
    listed = hedgehog("list", archive, "--json")
    assert listed.exit_code == 1
    assert [(row["instrument"], row["day"]) for row in json.loads(listed.stdout)] == [("binance:XRPUSDT", "2019-06-03")]
    assert all(f"{path}: Parquet" in listed.stderr for path in damaged)
    with pytest.raises(FileError) as raised:
        read_archive([archive], ["binance:XRPUSDT", "binance:ETHUSDT"])
    assert all(f"{path}: Parquet" in str(raised.value) for path in damaged)
    # a later day is stored, a day of which there is a damaged file is named
    later = recording(tmp_path / "later.csv", [at(12, NOON + 3 * DAY), at(13, NOON)])
    stored = hedgehog("import", later, "--out", archive, "--keep-days", 1)
    assert stored.exit_code == 1
    assert stored.stderr.count(f"{damaged[1]}: Parquet") == 2, "it was not stored into, nor deleted"
    assert (archive / "binance/XRPUSDT/2019-06-05.parquet").exists()
    assert not (archive / "binance/XRPUSDT/2019-06-03.parquet").exists()
    assert damaged[1].exists()


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
    with pytest.raises(NoTrades, match="has no trade of binance:ADAUSDT; it has binance:ETHUSDT, binance:XRPUSDT"):
        read_archive([archive], ["binance:ADAUSDT"])
    with pytest.raises(NoTrades, match="it has binance:XRPUSDT"):
        read_archive([archive / "binance/XRPUSDT"], ["binance:ETHUSDT"])
    with pytest.raises(FileError, match=r"all\.parquet: "):
        read_archive([recording(tmp_path / "all.parquet", [ONE])], [INSTRUMENT])


def test_a_day_that_is_named_twice_counts_once(archive: Path, two_days: list[Trade]) -> None:
    (once,) = read_archive([archive], [INSTRUMENT])
    (twice,) = read_archive([archive, archive / "binance/XRPUSDT", archive.parent / "all.csv"], [INSTRUMENT])
    assert (once.fingerprint, once.repeated) == (twice.fingerprint, 0)
    assert twice.repeated == 2 * len(once)


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
