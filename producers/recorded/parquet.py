"""Trades of a Parquet file with the fields of `Trade` as its columns, as `hedgehog archive` writes it, one by one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from producers.source import BadRecord, Event
from schemas.records import Trade
from schemas.units import SCALE

BATCH = 10_000
DECIMALS = ("price", "quantity")
OPTIONAL = ("buyer_order_id", "seller_order_id")


def read_parquet(path: Path) -> Iterator[Event]:
    """Yield every row as a trade, or as a `BadRecord` that names file, row, field and value.

    Raises `OSError` and `ValueError` for a file that is none, or that has not these columns.
    """
    with pq.ParquetFile(path) as file:
        missing = [name for name in Trade.__struct_fields__ if name not in file.schema_arrow.names]
        if missing:
            raise ValueError(f"has no column {', '.join(missing)}")
        row = 0
        for batch in file.iter_batches(BATCH, columns=list(Trade.__struct_fields__)):
            columns = {name: _values(batch, name) for name in Trade.__struct_fields__}
            for values in zip(*columns.values(), strict=True):
                row += 1
                yield _trade(dict(zip(columns, values, strict=True)), f"{path.name}:{row}")


def _values(batch: pa.RecordBatch, name: str) -> list[Any]:
    column = batch[name]
    if name in DECIMALS:
        if not pa.types.is_decimal(column.type) or column.type.scale > SCALE:
            raise ValueError(f"{name}: {column.type} is not a decimal with at most {SCALE} decimals")
        # exact up to 28 digits, and more is refused as an amount
        return [None if value is None else int(value.scaleb(SCALE)) for value in column.to_pylist()]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values


def _trade(values: dict[str, Any], origin: str) -> Event:
    try:
        for name, value in values.items():
            if value is None and name not in OPTIONAL:
                raise ValueError(f"{name}: is null")
        trade = Trade(**values)
        trade.check_amounts()
    except ValueError as error:
        return BadRecord(origin, repr(values).encode(), str(error))
    return trade
