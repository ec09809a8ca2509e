"""What instruments run by, from a file: what `hedgehog settings show --json` prints, or a table (CSV) of that."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from producers.recorded.lines import NUMBER
from producers.recorded.naming import EXCHANGE
from schemas.parameters import BY_FIELD
from schemas.records import FILTERS, Instrument, Settings, Setup
from schemas.symbols import split_instrument, typed_instrument
from schemas.units import parse_plain
from streams.cli.errors import BadValue

NEEDED = ("tick_size", "step_size")
NAMES = ("base_asset", "quote_asset")
KEYS = ("instrument", "exchange", "symbol")
NO_MATTER = ("exchange_status", "streaming", "status", "updated_time", "seeded_time", "halted")
"""What the live system is told by, and a backtest is not."""


def read_settings(path: Path) -> dict[str, Setup]:
    """Return the rows of a file by instrument, `exchange:SYMBOL`. What a row leaves out is as the records have it.

    Those of a run, as `hedgehog backtest run --json` and `show --json` print it, are taken, too.
    `BadValue` names file, instrument, field and value.
    """
    found: dict[str, Setup] = {}
    for given in _rows(path):
        run = given.get("settings")
        of_run = {"instrument": given.get("instrument"), **run} if isinstance(run, dict) else given
        row = {name: value for name, value in of_run.items() if value not in (None, "")}
        instrument = _instrument(path, row)
        if instrument in found:
            raise BadValue(f"--settings: {path}: {instrument} is there twice")
        found[instrument] = _setup(f"--settings: {path}: {instrument}", instrument, row)
    if not found:
        raise BadValue(f"--settings: {path} has no settings")
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            return list(csv.DictReader(text.splitlines()))
        rows = json.loads(text, parse_float=Decimal)
    except OSError as error:
        raise BadValue(f"--settings: {path}: {error.strerror}") from None
    except (ValueError, RecursionError, csv.Error) as error:
        raise BadValue(f"--settings: {path}: {error}") from None
    if isinstance(rows, dict):
        rows = [rows]
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise BadValue(f"--settings: {path} is not what hedgehog settings show --json prints")
    return rows


def _instrument(path: Path, row: dict[str, Any]) -> str:
    text = str(row.get("instrument") or row.get("symbol") or "")
    exchange, symbol = typed_instrument(text, str(row.get("exchange") or EXCHANGE).lower())
    if not symbol or ":" in exchange:
        raise BadValue(f"--settings: {path}: symbol is missing in {str(row)[:100]}")
    return f"{exchange}:{symbol}"


def _setup(where: str, instrument: str, row: dict[str, Any]) -> Setup:
    for name in NEEDED:
        if name not in row:
            raise BadValue(f"{where}: {name} is missing")
    filters: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for name, value in row.items():
        if name in FILTERS:
            filters[name] = _number(where, name, value)
        elif name in BY_FIELD:
            parameters[name] = _number(where, name, value)
        elif name not in (*KEYS, *NAMES, *NO_MATTER):
            raise BadValue(f"{where}: {name!r} is no setting; there are {', '.join((*FILTERS, *BY_FIELD))}")
    exchange, symbol = split_instrument(instrument)
    key: dict[str, Any] = {"exchange": exchange, "symbol": symbol}
    assets: dict[str, Any] = {name: str(row.get(name, "")) for name in NAMES}
    setup = Setup(Instrument(**key, **assets, **filters), Settings(**key, **parameters))
    try:
        setup.check()
    except ValueError as error:
        raise BadValue(f"{where}: {error}") from None
    return setup


def _number(where: str, name: str, value: object) -> int:
    # a number of JSON keeps its own digits: it was never a float; one with an exponent is as small tables have it
    text = str(value)
    if NUMBER.fullmatch(text):
        text = f"{Decimal(text):f}"
    parse = BY_FIELD[name].parse if name in BY_FIELD else parse_plain
    try:
        return parse(text, f"{where}: {name}")
    except ValueError as error:
        raise BadValue(str(error)) from None
