"""`hedgehog archive verify`: a sound archive has its gaps named, every damage is found."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from producers.recorded.rows import from_trades
from schemas.records import Trade
from streams.archive.day import ArchiveError, day_name, describe, read_day, read_manifest, write_day
from tests.unit.streams.archive.files import DAY, NOON, at, data, hedgehog, recording


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


def test_ids_that_belong_to_all_instruments_have_no_gaps_but_days_have(tmp_path: Path) -> None:
    trades = [
        msgspec.structs.replace(at(1, NOON + days * DAY), exchange="bitstamp", trade_id=days * 9) for days in (0, 1, 4)
    ]
    for trade in trades:
        path = tmp_path / "bitstamp" / trade.symbol / f"{day_name(trade.trade_time // (86_400 * 10**6))}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = from_trades([trade, msgspec.structs.replace(trade, trade_id=trade.trade_id + 5)])
        write_day(path, describe(rows, trade.instrument, path.stem, ["a test"]), rows)
        assert (read_manifest(path).gaps, read_manifest(path).missing) == (0, 0)
    seen = data("verify", tmp_path)
    assert seen["problems"] == 0
    assert ["no file from" in found["finding"] for found in seen["findings"]] == [True]


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
