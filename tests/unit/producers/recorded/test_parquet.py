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
        table = table.set_column(at, name, column.cast(kind))
    pq.write_table(table, path, row_group_size=3)
    return path


TYPES: dict[str, dict[str, pa.DataType]] = {
    "as they come": {},
    "other decimals": {"price": pa.decimal128(5, 2), "quantity": pa.decimal256(40, 4)},
    "timestamps": {"trade_time": pa.timestamp("us"), "event_time": pa.timestamp("ns", "UTC")},
    "dictionaries": {"symbol": pa.dictionary(pa.int8(), pa.string())},
    "large strings": {"exchange": pa.large_string()},
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
