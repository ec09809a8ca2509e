"""Lines of recorded trades into columns, compiled: what is plainly right, up to the first line that is not.

Whatever is doubtful here, be it wrong, a header, a quantity beyond 64 bits or a new symbol, is for `lines.py` to judge,
which reads one line in Python. So nothing is refused here, and no rule of what a line may be needs to be complete.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from infra.compiling import entry, inner
from producers.recorded import layouts, times
from producers.recorded.layouts import Role
from producers.recorded.times import EARLIEST_S, LATEST_S
from schemas import checks, units
from schemas.columns import Int64s
from schemas.units import PRICE_MAX

Bytes = npt.NDArray[np.uint8]
Int = Any
"""An integer of 64 bits, as compiled code makes them."""
Found = tuple[Int, Int]
"""A value, and where it ends; that is `_DOUBT` where it is in doubt."""

ABSENT = -(2**63)
"""Stands for an order id that nobody knows."""

COLUMNS = (
    *("trade_id", "trade_time", "event_time", "price", "quantity", "quantity_high", "buyer_is_maker"),
    *("buyer_order_id", "seller_order_id", "symbol"),
)
"""What the columns hold. Prices and quantities in 1e-8, the latter in two halves; `symbol` is a number, 0 for that of
the file's name."""
ID, TRADE_TIME, EVENT_TIME, PRICE, QUANTITY, HIGH, MAKER, BUYER, SELLER, SYMBOL = range(len(COLUMNS))

NOTHING, FLAG = int(Role.NOTHING), int(Role.FLAG)
IS_ID, IS_PRICE, IS_QUANTITY, IS_MAKER = int(Role.ID), int(Role.PRICE), int(Role.QUANTITY), int(Role.MAKER)
IS_TRADE_TIME, IS_EVENT_TIME = int(Role.TRADE_TIME), int(Role.EVENT_TIME)
IS_BUYER, IS_SELLER, IS_SYMBOL = int(Role.BUYER_ORDER), int(Role.SELLER_ORDER), int(Role.SYMBOL)

SLOTS, PLACES = 4_096, 8
"""Slots for symbols, a power of two, and how many of them are looked at for one that is not in its own."""
SYMBOL_BYTES = 64
HASH, HASH_BY, HASH_SHIFT = 14_695_981_039_346_656_037, 1_099_511_628_211, 20
"""FNV-1a, of 64 bits, and how many of its lowest bits are left out."""

_DOUBT = -1
_NONE: Int = np.int64(_DOUBT)
_NEWLINE, _RETURN, _QUOTE, _COMMA, _POINT, _ZERO, _MINUS, _PLUS = 10, 13, 34, 44, 46, 48, 45, 43
_SMALL, _E = 32, 101
"""What a small letter has more than a capital one, and the small e of an exponent."""
_DIGITS = 18
_LARGEST = 10**17
_TRUE, _FALSE, _TRADE = (np.frombuffer(word, np.uint8) for word in (b"true", b"false", b"trade"))


@entry([__file__, layouts.__file__, times.__file__, checks.__file__, units.__file__])
def scan(
    data: Bytes, at: int, end: int, roles: Int64s, symbols: Bytes, lengths: Int64s, out: Int64s, row: int
) -> tuple[int, int, int]:
    """Read lines of `data` from `at` on, which all end within `end`, into `out` (`COLUMNS`, any number) from `row` on.

    Stops before the first line that is in doubt. Returns the next row, where the next line begins, and how many lines,
    empty ones among them, were passed.
    """
    lines = 0
    while at < end:
        if data[at] == _NEWLINE:
            at += 1
            lines += 1
            continue
        after = _line(data, at, roles, symbols, lengths, out, row)
        if after == _DOUBT:
            break
        at = after
        lines += 1
        row += 1
    return row, at, lines


def place(symbol: bytes, symbols: Bytes, lengths: Int64s) -> int:
    """Put the bytes of a symbol where `scan` finds them; return its number, 0 if there is no room."""
    hashed = HASH
    for byte in symbol:
        hashed = (hashed ^ byte) * HASH_BY % 2**64
    for at in range(PLACES):
        slot = ((hashed >> HASH_SHIFT) + at) % SLOTS
        if not lengths[slot] and len(symbol) <= SYMBOL_BYTES:
            symbols[slot, : len(symbol)] = np.frombuffer(symbol, np.uint8)
            lengths[slot] = len(symbol)
            return slot + 1
    return 0


@inner
def _line(data: Bytes, at: Int, roles: Int64s, symbols: Bytes, lengths: Int64s, out: Int64s, row: Int) -> Int:
    out[EVENT_TIME, row] = 0
    out[HIGH, row] = 0
    out[BUYER, row] = ABSENT
    out[SELLER, row] = ABSENT
    out[SYMBOL, row] = 0
    for column in range(roles.size):
        quoted = data[at] == _QUOTE
        at = _field(data, at + quoted, roles[column], symbols, lengths, out, row)
        if at == _DOUBT:
            return _DOUBT
        if quoted:
            if data[at] != _QUOTE:
                return _DOUBT
            at += 1
        if column + 1 < roles.size:
            if data[at] != _COMMA:
                return _DOUBT
            at += 1
    if data[at] == _RETURN:
        at += 1
    if data[at] != _NEWLINE:
        return _DOUBT
    if out[EVENT_TIME, row] == 0:
        out[EVENT_TIME, row] = out[TRADE_TIME, row]
    return at + 1


@inner
def _field(data: Bytes, at: Int, role: Int, symbols: Bytes, lengths: Int64s, out: Int64s, row: Int) -> Int:
    """Read the field that begins at `at`; return where it ends, or that it is in doubt."""
    if role in (IS_PRICE, IS_QUANTITY):
        return _amount(data, at, role, out, row)
    if role in (IS_TRADE_TIME, IS_EVENT_TIME):
        return _time(data, at, role, out, row)
    if role in (IS_ID, IS_BUYER, IS_SELLER):
        return _number(data, at, role, out, row)
    if role in (IS_MAKER, FLAG):
        value, at = _boolean(data, at)
        if role == IS_MAKER:
            out[MAKER, row] = value
        return at
    return _word(data, at, role, symbols, lengths, out, row)


@inner
def _amount(data: Bytes, at: Int, role: Int, out: Int64s, row: Int) -> Int:
    value, at = _decimal(data, at)
    out[PRICE if role == IS_PRICE else QUANTITY, row] = value
    return at if 0 < value <= PRICE_MAX else _DOUBT


@inner
def _time(data: Bytes, at: Int, role: Int, out: Int64s, row: Int) -> Int:
    value, at = _whole(data, at)
    micros = _micros(value)
    out[TRADE_TIME if role == IS_TRADE_TIME else EVENT_TIME, row] = micros
    return at if micros > 0 else _DOUBT


@inner
def _number(data: Bytes, at: Int, role: Int, out: Int64s, row: Int) -> Int:
    """Read an id; those of orders may be missing."""
    if role != IS_ID and (data[at] == _COMMA or data[at] == _QUOTE or data[at] <= _RETURN):
        return at
    value, at = _whole(data, at)
    if role == IS_ID:
        out[ID, row] = value
    else:
        out[BUYER if role == IS_BUYER else SELLER, row] = value
    return at


@inner
def _word(data: Bytes, at: Int, role: Int, symbols: Bytes, lengths: Int64s, out: Int64s, row: Int) -> Int:
    if role == IS_SYMBOL:
        out[SYMBOL, row], at = _symbol(data, at, symbols, lengths)
    elif role == NOTHING:
        while data[at] != _COMMA and data[at] != _NEWLINE and data[at] != _RETURN and data[at] != _QUOTE:
            at += 1
    else:
        at = _trade(data, at)
    return at


@inner
def _whole(data: Bytes, at: Int) -> Found:
    first, value = at, np.int64(0)
    while np.uint8(data[at] - _ZERO) <= 9:
        value = value * 10 + np.int64(data[at] - _ZERO)
        at += 1
    if at == first or at - first > _DIGITS + 1 or value < 0:
        return value, _NONE
    return value, at


@inner
def _decimal(data: Bytes, at: Int) -> Found:
    """Return a decimal in 1e-8, and where it ends; with an exponent or without."""
    first, value, decimals = at, np.int64(0), np.int64(0)
    while np.uint8(data[at] - _ZERO) <= 9:
        value = value * 10 + np.int64(data[at] - _ZERO)
        at += 1
    digits = at - first
    if digits == 0:
        return value, _NONE
    if data[at] == _POINT:
        at += 1
        first = at
        while np.uint8(data[at] - _ZERO) <= 9:
            value = value * 10 + np.int64(data[at] - _ZERO)
            at += 1
        decimals = at - first
        if decimals == 0:
            return value, _NONE
    if digits + decimals > _DIGITS:
        return value, _NONE
    exponent = np.int64(0)
    if data[at] | _SMALL == _E:
        exponent, at = _exponent(data, at + 1)
        if at == _DOUBT:
            return value, at
    return _scaled(value, 8 - decimals + exponent, at)


@inner
def _exponent(data: Bytes, at: Int) -> Found:
    minus = data[at] == _MINUS
    if minus or data[at] == _PLUS:
        at += 1
    value, after = _whole(data, at)
    if after == _DOUBT or value > 99:
        return value, _NONE
    return -value if minus else value, after


@inner
def _scaled(value: Int, power: Int, at: Int) -> Found:
    for _ in range(power):
        if value > _LARGEST:
            return value, _NONE
        value *= 10
    for _ in range(-power):
        if value % 10:
            return value, _NONE
        value //= 10
    return value, at


@inner
def _micros(value: Int) -> Int:
    """Return a time in µs, by its size; 0 for none."""
    if EARLIEST_S * 1_000_000 <= value < LATEST_S * 1_000_000:
        return value
    if EARLIEST_S * 1_000 <= value < LATEST_S * 1_000:
        return value * 1_000
    if EARLIEST_S <= value < LATEST_S:
        return value * 1_000_000
    if EARLIEST_S * 1_000_000_000 <= value < LATEST_S * 1_000_000_000:
        return value // 1_000
    return np.int64(0)


@inner
def _boolean(data: Bytes, at: Int) -> Found:
    """Return whether it says true, in one of the three forms that it may have, and where it ends."""
    true = data[at] | _SMALL == _TRUE[0]
    word = _TRUE if true else _FALSE
    if data[at] | _SMALL != word[0]:
        return np.int64(0), _NONE
    small = data[at + 1] & _SMALL  # true and True, or TRUE
    if not small and data[at] & _SMALL:
        return np.int64(0), _NONE
    for i in range(1, word.size):
        if data[at + i] != word[i] - _SMALL + small:
            return np.int64(0), _NONE
    return np.int64(true), at + word.size


@inner
def _trade(data: Bytes, at: Int) -> Int:
    for i in range(_TRADE.size):
        if data[at + i] != _TRADE[i]:
            return _NONE
    return at + _TRADE.size


@inner
def _symbol(data: Bytes, at: Int, symbols: Bytes, lengths: Int64s) -> Found:
    first, hashed = at, np.uint64(HASH)
    while data[at] != _COMMA and data[at] != _NEWLINE and data[at] != _QUOTE:
        hashed = (hashed ^ np.uint64(data[at])) * np.uint64(HASH_BY)
        at += 1
    size = at - first
    for place in range(PLACES):
        slot = np.int64((hashed >> np.uint64(HASH_SHIFT)) + np.uint64(place)) & (SLOTS - 1)
        if 0 < size == lengths[slot] and _same(data, first, symbols, slot, size):
            return slot + 1, at
    return np.int64(0), _NONE


@inner
def _same(data: Bytes, first: Int, symbols: Bytes, slot: Int, size: Int) -> bool:
    for i in range(size):  # noqa: SIM110 -- compiled
        if symbols[slot, i] != data[first + i]:
            return False
    return True
