"""Trades by the column: a whole batch of wire records decoded in one compiled pass.

Only what the strategy and the book look at is kept. Every byte of every record is walked all the same, so that
a damaged record is found here and not by a reader further down. Source of the layout: the Avro specification,
binary encoding of records, longs (zigzag varints), strings and unions, and the Confluent wire format.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from schemas.codec import HEADER_BYTES, Codec, CodecError
from schemas.records import Trade

Int64s = npt.NDArray[np.int64]

_PRICE_BYTES, _QUANTITY_BYTES = 8, 12
_FIXED_BYTES = HEADER_BYTES + _PRICE_BYTES + _QUANTITY_BYTES
_QUANTITY_MAX = 2**63 - 1


class TradeColumns(NamedTuple):
    """Columns of equal length, one entry a record. Prices and quantities in 1e-8, time in microseconds, UTC.

    `errors` maps the places of records that are no trade to the reason; their entries in the columns are 0.
    """

    price: Int64s
    quantity: Int64s
    trade_id: Int64s
    trade_time: Int64s
    errors: dict[int, CodecError]


def decode_trades(values: Sequence[bytes | None], codec: Codec[Trade]) -> TradeColumns:
    """Decode wire records into columns.

    A record that the compiled pass does not know, being damaged or written under another schema, goes to
    `codec`. Quantities beyond 64 bits are cut to the largest that fits, which is more than any order takes.
    """
    lengths = np.fromiter((len(value) if value else 0 for value in values), np.int64, len(values))
    data = np.frombuffer(b"".join(value or b"" for value in values), np.uint8)
    columns = np.zeros((4, len(values)), np.int64)
    known = _decode(data, lengths, codec.schema_id, columns)
    errors: dict[int, CodecError] = {}
    for i in np.flatnonzero(~known).tolist():
        try:
            trade = codec.decode(values[i])
        except CodecError as error:
            errors[i] = error
            columns[:, i] = 0
        else:
            columns[:, i] = trade.price, min(trade.quantity, _QUANTITY_MAX), trade.trade_id, trade.trade_time
    return TradeColumns(columns[0], columns[1], columns[2], columns[3], errors)


@numba.njit(cache=True)
def _decode(data, lengths, schema_id, columns):  # type: ignore[no-untyped-def]
    """Fill `columns`; which records are trades of our schema and valid to the last byte."""
    known = np.zeros(len(lengths), np.bool_)
    end = 0
    for i in range(len(lengths)):
        start, end = end, end + lengths[i]
        if lengths[i] <= _FIXED_BYTES or data[start] != 0:
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
        _, at = _varint(data, at, end)  # event_time
        _, at = _varint(data, at, end)  # received_time
        at = _boolean(data, at, end)  # buyer_is_maker
        at = _string(data, at, end)  # exchange
        at = _string(data, at, end)  # symbol
        at = _optional_long(data, at, end)  # buyer_order_id
        at = _optional_long(data, at, end)  # seller_order_id
        if at == end:
            columns[0, i], columns[1, i], columns[2, i], columns[3, i] = price, quantity, trade_id, trade_time
            known[i] = True
    return known


# Each of these returns where the next field starts; _BAD, which is past every end, once anything is wrong.
_BAD = 2**62


@numba.njit(cache=True)
def _big_endian(data, at, size):  # type: ignore[no-untyped-def]
    value = np.int64(0)
    for k in range(size):
        value = (value << 8) | np.int64(data[at + k])
    return value


@numba.njit(cache=True)
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


@numba.njit(cache=True)
def _boolean(data, at, end):  # type: ignore[no-untyped-def]
    return at + 1 if at < end and data[at] <= 1 else _BAD


@numba.njit(cache=True)
def _string(data, at, end):  # type: ignore[no-untyped-def]
    length, at = _varint(data, at, end)
    if at > end or length < 0 or length > end - at:
        return _BAD
    for k in range(length):
        # Only ASCII here: whether other bytes are UTF-8 is for the full decoder to say.
        if data[at + k] >= 0x80:
            return _BAD
    return at + length


@numba.njit(cache=True)
def _optional_long(data, at, end):  # type: ignore[no-untyped-def]
    branch, at = _varint(data, at, end)
    if at > end or branch < 0 or branch > 1:
        return _BAD
    return _varint(data, at, end)[1] if branch == 1 else at
