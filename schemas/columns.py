"""Trades by the column: a whole batch of wire records decoded in one compiled pass.

Only what the strategy and the book look at is kept. Every byte of every record is walked all the same, so that
a damaged record is found here and not by a reader further down. Source of the layout: the Avro specification,
binary encoding of records, longs (zigzag varints), strings and unions, and the Confluent wire format.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from infra.kept import kept
from schemas.checks import EXCHANGE_CHARACTERS, FIRST_MARKET_TIME, LAST_TIME, SYMBOL_CHARACTERS
from schemas.codec import HEADER_BYTES, MAGIC, Codec
from schemas.errors import Refused
from schemas.records import Trade

Int64s = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.uint8]

_PRICE_BYTES, _QUANTITY_BYTES = 8, 12
_FIXED_BYTES = HEADER_BYTES + _PRICE_BYTES + _QUANTITY_BYTES
_QUANTITY_MAX = 2**63 - 1
_COLON = ord(":")
NEWEST_FIELD = "filled"
"""What was written before trades had it is read in the compiled pass, too: topics are kept for years."""


class TradeColumns(NamedTuple):
    """Columns of equal length, one entry a record. Prices and quantities in 1e-8, time in microseconds, UTC.

    `errors` maps the places of records that are no trade to the reason; their entries in the columns are 0.
    """

    price: Int64s
    quantity: Int64s
    trade_id: Int64s
    trade_time: Int64s
    errors: dict[int, Refused]
    table: Int64s
    """Shape (5, n): the columns above, and whether the buyer is the maker."""
    cut: dict[int, int]
    """The quantities that do not fit into 64 bits, by place; in the column stands the largest that does."""


def decode_trades(
    values: Sequence[bytes | None], keys: Sequence[bytes], key_of: Codes, codec: Codec[Trade]
) -> TradeColumns:
    """Decode wire records into columns. `key_of` has the number of each record's key in `keys`, from 1; 0 for no key.

    A record that the compiled pass does not know, being damaged or written under another schema or another key than
    its instrument's, goes to `codec`. Quantities beyond 64 bits are cut to the largest that fits, which is more than
    any order takes.
    """
    lengths = np.fromiter((len(value) if value else 0 for value in values), np.int64, len(values))
    data = np.frombuffer(b"".join(value or b"" for value in values), np.uint8)
    return decode_trades_at(data, np.cumsum(lengths) - lengths, lengths, keys, key_of, codec, values.__getitem__)


def decode_trades_at(
    data: Bytes,
    starts: Int64s,
    lengths: Int64s,
    keys: Sequence[bytes],
    key_of: Codes,
    codec: Codec[Trade],
    value: Callable[[int], bytes | None],
) -> TradeColumns:
    """Decode wire records that stand somewhere in `data`, as `decode_trades` does; `value` gives one by its number."""
    names = np.frombuffer(b"".join(keys), np.uint8)
    ends = np.fromiter(accumulate(map(len, keys), initial=0), np.int64, len(keys) + 1)
    columns = np.zeros((5, len(starts)), np.int64)
    known = np.zeros(len(starts), np.bool_)
    _decode(data, starts, lengths, codec.schema_id, True, names, ends, key_of, columns, known)
    for schema_id in set() if known.all() else _ids_of(value, known):
        if codec.written_without(schema_id, NEWEST_FIELD):
            _decode(data, starts, lengths, schema_id, False, names, ends, key_of, columns, known)
    errors: dict[int, Refused] = {}
    cut: dict[int, int] = {}
    for i in [] if known.all() else np.flatnonzero(~known).tolist():
        try:
            trade = codec.decode(value(i))
            _check_key(trade, keys[key_of[i] - 1] if key_of[i] else None)
        except Refused as error:
            errors[i] = error
            columns[:, i] = 0
        else:
            quantity = min(trade.quantity, _QUANTITY_MAX)
            if quantity < trade.quantity:
                cut[i] = trade.quantity
            columns[:, i] = trade.price, quantity, trade.trade_id, trade.trade_time, trade.buyer_is_maker
    return TradeColumns(columns[0], columns[1], columns[2], columns[3], errors, columns, cut)


def _check_key(trade: Trade, key: bytes | None) -> None:
    if key is None:
        raise Refused("key: a trade without one belongs to no instrument")
    if key != trade.instrument.encode():
        raise Refused(f"key: {key!r} is not {trade.instrument}")


def _ids_of(value: Callable[[int], bytes | None], known: npt.NDArray[np.bool_]) -> set[int]:
    """Return the schema ids of those records that are not known yet."""
    unknown = (value(i) or b"" for i in np.flatnonzero(~known).tolist())
    return {int.from_bytes(each[1:HEADER_BYTES], "big") for each in unknown if each[:1] == MAGIC}


@kept
def _decode(data, starts, lengths, schema_id, newest, names, ends, key_of, columns, known):  # type: ignore[no-untyped-def]
    """Fill `columns` and `known`: which records are trades of a schema, the `newest` or the one before it, valid to the
    last byte and under their own key."""
    colons = _colons(names, ends)
    for i in range(len(lengths)):
        start, end = starts[i], starts[i] + lengths[i]
        if known[i] or lengths[i] <= _FIXED_BYTES or data[start] != 0:
            continue
        if _big_endian(data, start + 1, 4) != schema_id:
            continue
        price = _big_endian(data, start + HEADER_BYTES, _PRICE_BYTES)
        high = _big_endian(data, start + HEADER_BYTES + _PRICE_BYTES, 4)
        quantity = _big_endian(data, start + HEADER_BYTES + _PRICE_BYTES + 4, 8)
        if price <= 0 or price >= 10**18 or high != 0 or quantity <= 0:
            continue
        trade_id, at = _varint(data, start + _FIXED_BYTES, end)
        trade_time, at = _varint(data, at, end)
        event_time, at = _varint(data, at, end)
        received_time, at = _varint(data, at, end)
        if trade_id < 0 or not _in_time(trade_time, event_time, received_time):
            continue
        buyer_is_maker = data[at] if at < end else 0
        at = _boolean(data, at, end)
        key = key_of[i]
        if key == 0 or colons[key - 1] < 0:
            continue
        at = _names(data, at, end, names, ends[key - 1], colons[key - 1], ends[key])
        at = _optional_id(data, at, end)  # buyer_order_id
        at = _optional_id(data, at, end)  # seller_order_id
        if newest:
            at = _boolean(data, at, end)  # filled
        if at == end:
            columns[0, i], columns[1, i], columns[2, i], columns[3, i] = price, quantity, trade_id, trade_time
            columns[4, i] = buyer_is_maker
            known[i] = True


# Each of these returns where the next field starts; _BAD, which is past every end, once anything is wrong.
_BAD = 2**62


@kept
def _big_endian(data, at, size):  # type: ignore[no-untyped-def]
    value = np.int64(0)
    for k in range(size):
        value = (value << 8) | np.int64(data[at + k])
    return value


@kept
def _varint(data, at, end):  # type: ignore[no-untyped-def]
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end and shift < 64:
        byte = np.uint64(data[at])
        value |= (byte & np.uint64(0x7F)) << shift
        at += 1
        if byte < 0x80:
            return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), at
        shift += np.uint64(7)
    return np.int64(0), _BAD


@kept
def _boolean(data, at, end):  # type: ignore[no-untyped-def]
    return at + 1 if at < end and data[at] <= 1 else _BAD


@kept
def _names(data, at, end, names, first, colon, last):  # type: ignore[no-untyped-def]
    """Exchange and symbol, where names[first:last] is the one, a colon and the other."""
    return _name(data, _name(data, at, end, names, first, colon), end, names, colon + 1, last)


@kept
def _name(data, at, end, names, first, last):  # type: ignore[no-untyped-def]
    """A string that is names[first:last]."""
    length, at = _varint(data, at, end)
    if length != last - first or at + length > end:
        return _BAD
    for k in range(length):
        if data[at + k] != names[first + k]:
            return _BAD
    return at + length


@kept
def _optional_id(data, at, end):  # type: ignore[no-untyped-def]
    branch, at = _varint(data, at, end)
    if at > end or branch < 0 or branch > 1:
        return _BAD
    if branch == 0:
        return at
    number, at = _varint(data, at, end)
    return at if number >= 0 else _BAD


@kept
def _in_time(trade_time, event_time, received_time):  # type: ignore[no-untyped-def]
    return (
        min(trade_time, event_time) >= FIRST_MARKET_TIME
        and received_time >= 0
        and max(trade_time, event_time, received_time) <= LAST_TIME
    )


@kept
def _colons(names, ends):  # type: ignore[no-untyped-def]
    """Where the colon is of each key that is an exchange, a colon and a symbol, all of plain ASCII.

    -1 for any other: that is for the full decoder.
    """
    colons = np.full(len(ends) - 1, -1, np.int64)
    for i in range(len(colons)):
        colon = -1
        for k in range(ends[i], ends[i + 1]):
            if names[k] == _COLON and colon < 0:
                colon = k
            elif names[k] == _COLON or names[k] < 0x20 or names[k] >= 0x7F:
                colon = -1
                break
        exchange, symbol = colon - ends[i], ends[i + 1] - colon - 1
        if 0 < exchange <= EXCHANGE_CHARACTERS and 0 < symbol <= SYMBOL_CHARACTERS:
            colons[i] = colon
    return colons
