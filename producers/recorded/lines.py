"""One line of recorded trades: what it has to be, field by field, in Python. `scan.py` reads the plain ones faster."""

import csv
import re

from producers.recorded.layouts import Layout, Role
from producers.recorded.naming import EXCHANGE
from producers.recorded.times import micros_by_size
from schemas.records import Trade
from schemas.units import to_units

BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,2})?", re.ASCII)
SYMBOL = re.compile(r"\w[\w-]{0,63}")
LONG_MAX = 2**63 - 1


def cells_of(line: str) -> list[str]:
    """Return the fields of a line without its end."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True), [""])
    except csv.Error:
        return line.split(",")


def is_data(cells: list[str]) -> bool:
    """Return whether a line begins as a trade does, and so is no header."""
    return cells[0] == "trade" or cells[0].isdigit()


def trade_of(layout: Layout, cells: list[str], symbol: str) -> Trade:
    """Return the trade of a line; `symbol` is what the file's name says. `ValueError` names field and value."""
    if any("\0" in cell for cell in cells):
        raise ValueError(f"{sum(cell.count(chr(0)) for cell in cells)} bytes of it are NUL")
    if len(cells) != len(layout.columns):
        raise ValueError(f"{len(cells)} fields instead of {len(layout.columns)}")
    fields = {Role(role): (cell, name) for role, cell, name in zip(layout.roles, cells, layout.columns, strict=True)}
    if layout.has_symbols:
        symbol = _symbol(*fields[Role.KIND], *fields[Role.SYMBOL])
    trade_id = _id(*fields[Role.ID])
    trade_time = micros_by_size(_whole(*fields[Role.TRADE_TIME]), fields[Role.TRADE_TIME][1])
    sent = trade_time
    if Role.EVENT_TIME in fields:
        sent = micros_by_size(_whole(*fields[Role.EVENT_TIME]), fields[Role.EVENT_TIME][1])
    if Role.FLAG in fields:
        _boolean(*fields[Role.FLAG])
    trade = Trade(
        exchange=EXCHANGE,
        symbol=symbol,
        price=_decimal(*fields[Role.PRICE]),
        quantity=_decimal(*fields[Role.QUANTITY]),
        trade_id=trade_id,
        trade_time=trade_time,
        event_time=sent,
        received_time=sent,
        buyer_is_maker=_boolean(*fields[Role.MAKER]),
        buyer_order_id=_optional(*fields.get(Role.BUYER_ORDER, ("", ""))),
        seller_order_id=_optional(*fields.get(Role.SELLER_ORDER, ("", ""))),
    )
    trade.check()
    return trade


def _symbol(kind: str, kind_field: str, symbol: str, field: str) -> str:
    if kind != "trade":
        raise ValueError(f"{kind_field}: {kind!r} is not 'trade'")
    if not symbol:
        raise ValueError(f"{field}: '' is empty")
    if not SYMBOL.fullmatch(symbol):
        raise ValueError(f"{field}: {symbol!r} is not in letters, digits, - and _, 64 at most")
    return symbol


def _decimal(text: str, field: str) -> int:
    if not NUMBER.fullmatch(text):
        raise ValueError(f"{field}: {text!r} is not a decimal number")
    return to_units(text, field)


def _whole(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{field}: {text!r} is not a whole number")
    if len(text) > 1_000:
        raise ValueError(f"{field}: {text[:20]!r}… has {len(text)} digits")
    return int(text)


def _id(text: str, field: str) -> int:
    number = _whole(text, field)
    if number > LONG_MAX:
        raise ValueError(f"{field}: {number} is above 2^63 - 1")
    return number


def _optional(text: str, field: str) -> int | None:
    return _id(text, field) if text else None


def _boolean(text: str, field: str) -> bool:
    if text not in BOOLEANS:
        raise ValueError(f"{field}: {text!r} is neither true nor false")
    return BOOLEANS[text]
