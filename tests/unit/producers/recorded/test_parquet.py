"""Parquet files with the fields of a trade, whoever wrote them: the same trades, and the rows that are none by name."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from producers.recorded import parquet
from producers.recorded.errors import FileError
from producers.recorded.files import read_events, read_trades
from producers.source import BadRecord
from schemas.records import Trade

SECOND = 1_735_689_600


def row(number: int, **changes: Any) -> dict[str, Any]:
    time = (SECOND + number) * 1_000_000
    return {
        "exchange": "binance",
        "symbol": ("XRPUSDT", "ETHUSDT")[number % 2],
        "price": Decimal("0.5"),
        "quantity": Decimal(10**19 + number),
        "trade_id": number,
        "trade_time": time,
        "event_time": time + 1,
        "received_time": time + 2,
        "buyer_is_maker": number % 2 == 0,
        "buyer_order_id": None if number % 3 else number,
        "seller_order_id": number,
        **changes,
    }


def expected(number: int) -> Trade:
    values = row(number)
    return Trade(**values | {"price": 50_000_000, "quantity": (10**19 + number) * 10**8})


def written(path: Path, rows: list[dict[str, Any]], **types: pa.DataType) -> Path:
    table = pa.Table.from_pylist(rows)
    for name, kind in types.items():
        at = table.schema.get_field_index(name)
        column = table[name]
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us", kind.tz))
        column = column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind)
        table = table.set_column(at, name, column)
    pq.write_table(table, path, row_group_size=3)
    return path


TYPES: dict[str, dict[str, pa.DataType]] = {
    "as they come": {},
    "other decimals": {"price": pa.decimal128(5, 2), "quantity": pa.decimal256(40, 4)},
    "timestamps": {"trade_time": pa.timestamp("us"), "event_time": pa.timestamp("ns", "UTC")},
    "dictionaries": {"symbol": pa.dictionary(pa.int8(), pa.string())},
    "large strings": {"exchange": pa.large_string()},
    "decimals in a dictionary": {"price": pa.dictionary(pa.int32(), pa.decimal128(1, 1))},
    "whole floats": {"trade_id": pa.float64(), "trade_time": pa.float64(), "buyer_order_id": pa.float64()},
    "numbers as text": {"trade_id": pa.string()},
    "times in another zone": {"trade_time": pa.timestamp("us", "Asia/Tokyo")},
}


@pytest.mark.parametrize("case", TYPES)
@pytest.mark.parametrize("batch", [2, 100])
def test_the_trades_are_those_of_the_rows(
    tmp_path: Path, case: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BATCH", batch)
    path = written(tmp_path / "a.parquet", [row(number) for number in range(7)], **TYPES[case])
    assert list(read_trades(path)) == [expected(number) for number in range(7)]


def test_times_in_any_unit(tmp_path: Path) -> None:
    times = {"trade_time": SECOND, "event_time": SECOND * 1_000, "received_time": SECOND * 10**9 + 999}
    (trade,) = read_trades(written(tmp_path / "a.parquet", [row(0, **times)]))
    assert {trade.trade_time, trade.event_time, trade.received_time} == {SECOND * 1_000_000}


BAD = {
    "price": ({"price": Decimal("0")}, "price: 0 is not between"),
    "large price": ({"price": Decimal(10**10)}, "price: 10000000000 is not between"),
    "quantity": ({"quantity": Decimal(-1)}, "quantity: -1 is not between"),
    "large quantity": ({"quantity": Decimal(10**20)}, "quantity: 100000000000000000000 is not between"),
    "null": ({"trade_id": None}, "trade_id: is null"),
    "id": ({"trade_id": -1}, "trade_id: -1 is below 0"),
    "order id": ({"seller_order_id": -5}, "seller_order_id: -5 is below 0"),
    "time": ({"trade_time": 5}, "trade_time: 5 is no time between 2009 and 2100"),
    "large time": ({"trade_time": 2**62}, "trade_time: 4611686018427387904 is no time between 2009 and 2100"),
    "maker": ({"buyer_is_maker": None}, "buyer_is_maker: is null"),
    "symbol": ({"symbol": "../.."}, "symbol: '../..' is not in letters, digits, - and _"),
    "no symbol": ({"symbol": None}, "symbol: is null"),
    "exchange": ({"exchange": ""}, "exchange: '' is not in letters"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_named_and_the_others_go_on(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH", 3)
    changes, message = BAD[case]
    path = written(tmp_path / "a.parquet", [row(0), row(1), row(2), row(3), row(4, **changes), row(5)])
    *before, bad, after = read_events(path)
    assert (before, after) == ([expected(number) for number in range(4)], expected(5))
    assert isinstance(bad, BadRecord)
    assert bad.origin == "a.parquet:5"
    assert bad.error.startswith(message)
    with pytest.raises(FileError, match=r"a\.parquet:5: "):
        list(read_trades(path))


TIMES = {
    "a fraction of a microsecond": (pa.timestamp("ns"), 123, "1970-01-01T00:00:00.000000123 is no time between"),
    "before the epoch": (pa.timestamp("us"), -5, "1969-12-31T23:59:59.999995 is no time between"),
    "no year of Python's": (pa.timestamp("us"), 2**62, "148108-07-06T14:00:27.387904 is no time between"),
}


def replaced(path: Path, name: str, values: list[Any], kind: pa.DataType | None = None) -> Path:
    """A file of three rows with a column of other values."""
    table = pa.Table.from_pylist([row(number) for number in range(3)])
    pq.write_table(table.set_column(table.schema.get_field_index(name), name, pa.array(values, kind)), path)
    return path


@pytest.mark.parametrize("case", TIMES)
def test_a_timestamp_that_is_none_is_named(tmp_path: Path, case: str) -> None:
    kind, value, message = TIMES[case]
    good = SECOND * (10**9 if kind.unit == "ns" else 10**6)
    *_, bad = read_events(replaced(tmp_path / "a.parquet", "trade_time", [good, good, value], kind))
    assert isinstance(bad, BadRecord)
    assert (bad.origin, bad.error[: len(message) + 12]) == ("a.parquet:3", f"trade_time: {message}")


OF_ANOTHER_KIND: dict[str, tuple[str, list[Any], pa.DataType | None, str]] = {
    "a fraction": ("trade_id", [1.0, 1.5, 2.0], None, "row 2: trade_id: 1.5 is not a whole number of 64 bits"),
    "nan": ("buyer_order_id", [1.0, float("nan"), 2.0], None, "row 2: buyer_order_id: nan is not a whole number"),
    "inexact": ("trade_id", [1.0, 2.0, 2.0**60], None, "row 3: trade_id: 1152921504606846976 is more than double"),
    "beyond 64 bits": ("trade_id", [1, 2, 2**63], pa.uint64(), "row 3: trade_id: 9223372036854775808 is not a whole"),
    "words": ("trade_id", ["1", "x", "3"], None, "row 2: trade_id: 'x' is not a whole number of 64 bits"),
    "booleans": ("trade_id", [True] * 3, None, "trade_id: bool is not a whole number"),
    "lists": ("trade_id", [[1]] * 3, None, "trade_id: list<.*> is not a whole number"),
    "dates": ("trade_time", [20_000] * 3, pa.date32(), r"trade_time: date32\[day\] is not a whole number"),
    "numbers": ("buyer_is_maker", [0, 1, 2], pa.int8(), "buyer_is_maker: int8 is not a boolean"),
    "floats": ("price", [0.5] * 3, None, "price: double is not a decimal with at most 8 decimals"),
    "large": ("price", [Decimal(10) ** 50] * 3, pa.decimal256(60, 4), "row 1: price: .* is not of 38 digits"),
    "bytes": ("symbol", [b"\xff"] * 3, None, r"row 1: symbol: b'\\xff' is not text"),
    "names in lists": ("symbol", [["A"]] * 3, None, r"row 1: symbol: \['A'\] is not text"),
}


@pytest.mark.parametrize("case", OF_ANOTHER_KIND)
def test_a_column_of_another_kind_is_named_with_its_row(tmp_path: Path, case: str) -> None:
    name, values, kind, message = OF_ANOTHER_KIND[case]
    path = replaced(tmp_path / "a.parquet", name, values, kind)
    with pytest.raises(FileError, match=rf"a\.parquet: {message}"):
        list(read_events(path))


def test_a_damaged_page_is_one_line(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [row(number) for number in range(4_000)])
    whole = bytearray(path.read_bytes())
    for at in range(4, 400, 7):
        whole[at] ^= 255
    path.write_bytes(whole)
    with pytest.raises(FileError) as error:
        list(read_events(path))
    assert "\n" not in str(error.value)


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([row(1)])
    pq.write_table(table.append_column("price", table["price"]), tmp_path / "a.parquet")
    with pytest.raises(FileError, match="has more than one column price"):
        list(read_events(tmp_path / "a.parquet"))


def test_what_is_no_file_of_trades(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(FileError, match=r"text\.parquet: "):
        list(read_events(tmp_path / "text.parquet"))
    pq.write_table(pa.table({"price": [1.0]}), tmp_path / "a.parquet")
    with pytest.raises(FileError, match="has no column exchange, symbol, quantity"):
        list(read_events(tmp_path / "a.parquet"))
    pq.write_table(pa.table({name: [1.5] for name in Trade.__struct_fields__}), tmp_path / "a.parquet")
    with pytest.raises(FileError, match="price: double is not a decimal"):
        list(read_events(tmp_path / "a.parquet"))
