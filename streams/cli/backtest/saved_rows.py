"""Saved backtests as rows: exact plain decimals, ISO times, and two or more of them side by side."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from schemas.parameters import SWEPT
from schemas.times import iso
from streams.backtest.store import EPOCH, MICROSECOND
from streams.cli.backtest.rows import LIMITS, SETTINGS
from streams.cli.output import shown

LISTED = (
    *("run", "name", "saved", "instrument", "part", "trades"),
    *SWEPT,
    *("cycles", "net_profit", "max_drawdown", "data", "code"),
)
SHORT = 8
"""So many digits of a fingerprint or commit tell two apart in a table."""
RESULTS = (
    *("orders", "rejected", "filled", "cycles", "wins", "losses", "realised_profit", "unrealised_profit", "fees"),
    *("open_position", "position_value", "net_profit", "buy_and_hold", "max_drawdown", "seconds_in_market"),
    *("seconds_in_all", "largest_exposure", "average_exposure"),
)
DATA = ("instrument", "source", "trades", "unreadable_records", "first_trade", "last_trade", "fingerprint")
HOW = ("command", "part", "rank", "seed", "engine", "options", "code_version")
COMPARED = (*DATA, *HOW, *SETTINGS, *LIMITS, *RESULTS)


def full(row: Mapping[str, Any], as_json: bool) -> dict[str, Any]:
    """Return everything about a saved run; its settings as `--settings` reads them."""
    flat = _flat(row)
    settings = ("instrument", "base_asset", "quote_asset", *SETTINGS, *LIMITS)
    return {
        **{name: flat[name] for name in ("run", "batch", "name", "saved")},
        **{name: flat[name] for name in (*DATA, *HOW)},
        "options": dict(row["options"]) if as_json else flat["options"],
        "engine_seconds": flat["engine_seconds"],
        **{name: flat[name] for name in RESULTS},
        "settings": {name: flat[name] for name in settings},
    }


def listed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a saved run as a line of a list: fingerprint and commit cut to what tells two apart."""
    flat = _flat(row)
    version, _, changed = flat["code_version"].partition("-changed-")
    code = f"{version[:SHORT]}+{changed[:4]}" if changed else version[:SHORT]
    part = flat["part"] if flat["rank"] is None else f"{flat['part']} {flat['rank']}"
    return flat | {"part": part, "data": flat["fingerprint"][:SHORT], "code": code}


def side_by_side(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a line for each field that any run has: its value in every run, and whether they differ."""
    flats = [_flat(row) for row in rows]
    lines = []
    for name in COMPARED:
        values = [flat[name] for flat in flats]
        if any(value is not None for value in values):
            differs = any(value != values[0] for value in values)
            runs = {f"run {flat['run']}": value for flat, value in zip(flats, values, strict=True)}
            lines.append({"field": name, **runs, "differs": "≠" if differs else ""})
    return lines


def order_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order or a point of the equity of a saved run."""
    return {name: _plain(value) for name, value in row.items() if name != "run_id"}


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name: _plain(value) for name, value in row.items()}
    options = [f"{name} {shown(value)}" for name, value in row["options"].items()]
    return {
        "run": flat.pop("run_id"),
        "batch": flat.pop("batch_id"),
        "saved": flat.pop("saved_time"),
        "instrument": f"{flat.pop('exchange')}:{flat.pop('symbol')}",
        **flat,
        "options": ", ".join(options) or None,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text) if value else "0"
    if isinstance(value, datetime):
        return iso((value - EPOCH) // MICROSECOND)
    return value
