"""`hedgehog candles export`: candles into a CSV or Parquet file."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from schemas.times import iso, micros_of
from schemas.units import plain, to_units
from streams.cli.candles.candles import DECIMALS, instruments, parse_interval
from streams.cli.candles.options import ExportCandles
from streams.cli.database import warehouse
from streams.cli.errors import BadValue
from streams.cli.output import Output
from streams.cli.times import parse_times
from streams.warehouse.candles import COLUMNS, all_candles

Blocks = Iterable[list[dict[str, Any]]]


def export_candles(asked: ExportCandles, out: Output) -> None:
    """Write the candles; a file that is there is left as it is, and one that is not finished is none."""
    write = {".csv": _write_csv, ".parquet": _write_parquet}.get(asked.path.suffix.lower())
    if write is None:
        raise BadValue(f"FILE: {asked.path} ends neither with .csv nor with .parquet")
    if asked.path.exists():
        raise BadValue(f"FILE: {asked.path} is there already")
    interval, between = parse_interval(asked.interval), parse_times(asked.since, asked.until)
    counted: list[int] = []
    unfinished = asked.path.with_name(f".{asked.path.name}.part")
    with warehouse() as engine:
        keys = instruments(engine, asked.symbols, interval)
        try:
            write(unfinished, _counting(all_candles(engine, keys, interval, between), counted))
            unfinished.rename(asked.path)
        except OSError as error:
            raise BadValue(f"FILE: {asked.path}: {error.strerror}") from None
        finally:
            unfinished.unlink(missing_ok=True)
    out.record({"file": str(asked.path), "instruments": keys, "candles": sum(counted)})


def _counting(blocks: Blocks, counted: list[int]) -> Iterator[list[dict[str, Any]]]:
    for block in blocks:
        counted.append(len(block))
        yield block


def _write_csv(path: Path, blocks: Blocks) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for block in blocks:
            writer.writerows([_text(name, row[name]) for name in COLUMNS] for row in block)


def _text(name: str, value: Any) -> Any:
    if name in DECIMALS:
        return plain(to_units(value, name))
    if name == "open_time":
        return iso(micros_of(value))
    return str(value).lower() if isinstance(value, bool) else value


def _write_parquet(path: Path, blocks: Blocks) -> None:
    import pyarrow as pa  # noqa: PLC0415 -- takes its time, a list and a CSV do not need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    prices = ("open", "high", "low", "close")
    types = {
        **dict.fromkeys(COLUMNS, pa.int64()),
        **dict.fromkeys(("exchange", "symbol"), pa.string()),
        **dict.fromkeys(DECIMALS, pa.decimal128(38, 8)),
        **dict.fromkeys(prices, pa.decimal128(18, 8)),
        **dict.fromkeys(("complete", "closed"), pa.bool_()),
        "interval": pa.int32(),
        "open_time": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([pa.field(name, types[name], nullable=False) for name in COLUMNS])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for block in blocks:
            writer.write_table(pa.Table.from_pylist(block, schema))
