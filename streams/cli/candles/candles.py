"""`hedgehog candles list`: candles as Postgres has them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from schemas.times import iso, micros_of
from schemas.units import plain, to_units
from streams.cli.candles.options import ListCandles
from streams.cli.database import warehouse
from streams.cli.errors import BadValue
from streams.cli.instruments.symbols import resolve
from streams.cli.output import Output
from streams.cli.times import parse_times
from streams.warehouse.candles import candle_instruments, newest_candles

INTERVALS = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1_440}
DECIMALS = ("open", "high", "low", "close", "volume", "quote_volume", "taker_buy_volume")
SHOWN = ("instrument", "open_time", *DECIMALS, "trades", "complete", "revision")


def list_candles(asked: ListCandles, out: Output) -> None:
    """Show the newest candles, the newest last; `BadValue` for an interval, time or symbol that there is not."""
    interval, between = parse_interval(asked.interval), parse_times(asked.since, asked.until)
    with warehouse() as engine:
        keys = instruments(engine, asked.symbols, interval)
        found = newest_candles(engine, keys, interval, between, asked.limit)
    out.rows([_row(candle, asked.interval) for candle in found], SHOWN, empty="no such candles")


def parse_interval(text: str) -> int:
    """Return an interval in minutes; `BadValue` for what is none."""
    if text not in INTERVALS:
        raise BadValue(f"--interval: {text!r} is none of {', '.join(INTERVALS)}")
    return INTERVALS[text]


def instruments(engine: Engine, typed: Sequence[str], interval: int) -> list[str]:
    """Return the instruments of the symbols typed; `BadValue` for one that has no candles of this interval."""
    known = candle_instruments(engine, interval)
    if not known:
        raise BadValue("no instrument has such candles yet", hint="hedgehog status")
    return resolve(typed, known)


def _row(candle: dict[str, Any], interval: str) -> dict[str, Any]:
    row = {"instrument": f"{candle['exchange']}:{candle['symbol']}", **candle, "interval": interval}
    row["open_time"] = iso(micros_of(candle["open_time"]))
    for name in DECIMALS:
        row[name] = plain(to_units(candle[name], name))
    return row
