"""Settings from a file: what `hedgehog settings show --json` prints, or a table (CSV) with the same names."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from producers.recorded.files import EXCHANGE
from schemas.records import Settings
from schemas.units import to_units
from streams.cli.errors import BadValue
from streams.cli.instruments.changes import DECIMALS, PLAIN_DECIMAL, WHOLE, WHOLE_NUMBER

NEEDED = ("tick_size", "step_size")
NAMES = ("base_asset", "quote_asset")
KEYS = ("instrument", "exchange", "symbol")
NO_MATTER = ("exchange_status", "streaming", "status", "updated_time")
"""What the live system is told by, and a backtest is not."""


def read_settings(path: Path) -> dict[str, Settings]:
    """The settings in a file by instrument, `exchange:SYMBOL`. What a row leaves out is as `Settings` has it.

    Those of a run, as `hedgehog backtest run --json` and `show --json` print it, are taken, too.
    `BadValue` names file, instrument, field and value.
    """
    found: dict[str, Settings] = {}
    for given in _rows(path):
        run = given.get("settings")
        of_run = {"instrument": given.get("instrument"), **run} if isinstance(run, dict) else given
        row = {name: value for name, value in of_run.items() if value not in (None, "")}
        instrument = _instrument(path, row)
        if instrument in found:
            raise BadValue(f"--settings: {path}: {instrument} is there twice")
        found[instrument] = _settings(f"--settings: {path}: {instrument}", instrument, row)
    if not found:
        raise BadValue(f"--settings: {path} has no settings")
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            return list(csv.DictReader(text.splitlines()))
        rows = json.loads(text, parse_float=Decimal)
    except OSError as error:
        raise BadValue(f"--settings: {path}: {error.strerror}") from None
    except ValueError as error:
        raise BadValue(f"--settings: {path}: {error}") from None
    if isinstance(rows, dict):
        rows = [rows]
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise BadValue(f"--settings: {path} is not what hedgehog settings show --json prints")
    return rows


def _instrument(path: Path, row: dict[str, Any]) -> str:
    exchange, _, symbol = str(row.get("instrument") or row.get("symbol") or "").rpartition(":")
    exchange = exchange or str(row.get("exchange") or EXCHANGE)
    if not symbol:
        raise BadValue(f"--settings: {path}: symbol is missing in {str(row)[:100]}")
    return f"{exchange.lower()}:{symbol.upper()}"


def _settings(where: str, instrument: str, row: dict[str, Any]) -> Settings:
    for name in NEEDED:
        if name not in row:
            raise BadValue(f"{where}: {name} is missing")
    values: dict[str, Any] = dict.fromkeys(NAMES, "")
    for name, value in row.items():
        if name in NAMES:
            values[name] = str(value)
        elif name in WHOLE:
            values[name] = _whole(where, name, value)
        elif name in DECIMALS:
            values[name] = _decimal(where, name, value)
        elif name not in (*KEYS, *NO_MATTER):
            raise BadValue(f"{where}: {name!r} is no setting; there are {', '.join((*DECIMALS, *WHOLE))}")
    exchange, _, symbol = instrument.partition(":")
    settings = Settings(exchange=exchange, symbol=symbol, **values)
    try:
        settings.check()
    except ValueError as error:
        raise BadValue(f"{where}: {error}") from None
    return settings


def _whole(where: str, name: str, value: object) -> int:
    if isinstance(value, bool) or not WHOLE_NUMBER.fullmatch(str(value)):
        raise BadValue(f"{where}: {name}: {value!r} is not a whole number")
    return int(str(value))


def _decimal(where: str, name: str, value: object) -> int:
    # a number of JSON keeps its own digits: it was never a float
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, bool) or not PLAIN_DECIMAL.fullmatch(text):
        raise BadValue(f"{where}: {name}: {str(value)!r} is not a plain decimal such as 0.0025")
    try:
        return to_units(text, name)
    except ValueError as error:
        raise BadValue(f"{where}: {error}") from None
