"""Trades of a partition straight from the bytes that the broker sends: no object is made of a record.

A record batch is unpacked and its records are found, filtered by key and decoded in compiled passes. Source of the
layout: the Kafka protocol guide, record batches of magic 2, and the wire format of `schemas.columns`.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from aiokafka import codec as compression

from infra.errors import ServiceError
from infra.kept import kept
from schemas.codec import Codec
from schemas.columns import Bytes, Int64s, decode_trades_at
from schemas.records import Trade

HEADER = struct.Struct(">qiibIhiqqqhii")
"""From the base offset to the number of records."""
MAGIC = 2
CODEC_BITS, CONTROL_BIT = 0x07, 0x20
NO_CODEC = 0
UNPACKED: dict[int, Callable[[bytes], bytes]] = {
    1: compression.gzip_decode,
    2: compression.snappy_decode,
    3: compression.lz4_decode,
    4: compression.zstd_decode,
}
LENGTH_AT = 12
"""The length of a batch counts from here on."""


class Found(NamedTuple):
    """Trades of some keys, in the order of their partition; columns of equal length."""

    key: Int64s
    """The number of the key among those wanted."""
    offset: Int64s
    price: Int64s
    quantity: Int64s
    trade_id: Int64s
    trade_time: Int64s


class Keys:
    """The keys wanted, as a hash table that the compiled pass looks them up in."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        size = 4 * 2 ** max(len(keys) - 1, 1).bit_length()
        self.names = list(keys)
        self.data = np.frombuffer(b"".join(keys) + b"\0", np.uint8)
        self.ends = np.cumsum([0, *map(len, keys)])
        self.table = np.full(size, -1, np.int64)
        _fill_table(self.data, self.ends, self.table)


def trades_in(data: bytes, first: int, end: int, keys: Keys, codec: Codec[Trade]) -> Found:
    """Return the trades of the wanted keys in fetched bytes, from the offset `first` to before `end`.

    What is no trade is left out. Raises `ServiceError` for a format that no broker of today sends.
    """
    # a live producer's batches hold a few records each: they are decoded together
    bodies, places, size = [], [], 0
    for base, body in _batches(data, first):
        starts, *others = _records(body, base, first, end, keys)
        if len(starts):
            bodies.append(body)
            places.append((starts + size, *others))
            size += len(body)
    if not places:
        return Found(*(np.zeros(0, np.int64) for _ in Found._fields))
    body = np.concatenate(bodies)
    starts, lengths, offsets, codes = map(np.concatenate, zip(*places, strict=True))
    key_of = (codes + 1).astype(np.int16)
    columns = decode_trades_at(body, starts, lengths, keys.names, key_of, codec, _value(body, starts, lengths))
    found = Found(codes, offsets, *columns[:4])
    if columns.errors:
        good = np.ones(len(starts), np.bool_)
        good[list(columns.errors)] = False
        found = Found(*(column[good] for column in found))
    return found


def _value(body: Bytes, starts: Int64s, lengths: Int64s) -> Callable[[int], bytes | None]:
    return lambda row: body[starts[row] : starts[row] + lengths[row]].tobytes() if lengths[row] >= 0 else None


def _batches(data: bytes, first: int) -> Iterator[tuple[int, Bytes]]:
    """Yield the base offset and the unpacked records of each whole batch that has some from `first` on."""
    at, view = 0, memoryview(data)
    while at + HEADER.size <= len(data):
        base, length, _, magic, _, attributes, last_delta, *_ = HEADER.unpack_from(data, at)
        if at + LENGTH_AT + length > len(data):
            return
        if magic != MAGIC:
            raise ServiceError(f"Kafka: record batches of format {magic}, and only {MAGIC} is read here")
        body = view[at + HEADER.size : at + LENGTH_AT + length]
        at += LENGTH_AT + length
        if base + last_delta < first:
            continue
        packed = attributes & CODEC_BITS
        unpacked = body if packed == NO_CODEC else UNPACKED[packed](bytes(body))
        whole = np.frombuffer(b"" if attributes & CONTROL_BIT else unpacked, np.uint8)
        yield base, whole


def _records(body: Bytes, base: int, first: int, end: int, keys: Keys) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Return where the values of the wanted records are, how long, their offsets and the numbers of their keys."""
    # a record has seven bytes at least
    found = np.empty((4, len(body) // 7 + 1), np.int64)
    count = _find(body, base, first, end, keys.data, keys.ends, keys.table, found)
    return found[0, :count], found[1, :count], found[2, :count], found[3, :count]


@kept
def _find(data, base, first, end, key_data, key_ends, table, found):  # type: ignore[no-untyped-def]
    count, at = 0, 0
    while at < len(data):
        size, at = _zigzag(data, at)
        following = at + size
        _, at = _zigzag(data, at + 1)  # attributes, then the time
        delta, at = _zigzag(data, at)
        key_size, at = _zigzag(data, at)
        key_at = at
        at += max(key_size, 0)
        value_size, at = _zigzag(data, at)
        offset = base + delta
        if first <= offset < end and key_size >= 0:
            number = _number(data, key_at, key_size, key_data, key_ends, table)
            if number >= 0:
                found[0, count], found[1, count], found[2, count], found[3, count] = at, value_size, offset, number
                count += 1
        at = following
    return count


@kept
def _zigzag(data, at):  # type: ignore[no-untyped-def]
    value, shift = np.uint64(0), np.uint64(0)
    while True:
        byte = np.uint64(data[at])
        value |= (byte & np.uint64(0x7F)) << shift
        at += 1
        if byte < 0x80:
            return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), at
        shift += np.uint64(7)


@kept
def _hash(data, at, size):  # type: ignore[no-untyped-def]
    value = np.uint64(14695981039346656037)
    for i in range(size):
        value = (value ^ np.uint64(data[at + i])) * np.uint64(1099511628211)
    return value


@kept
def _fill_table(key_data, key_ends, table):  # type: ignore[no-untyped-def]
    for number in range(len(key_ends) - 1):
        place = np.int64(_hash(key_data, key_ends[number], key_ends[number + 1] - key_ends[number]) % len(table))
        while table[place] >= 0:
            place = (place + 1) % len(table)
        table[place] = number


@kept
def _number(data, at, size, key_data, key_ends, table):  # type: ignore[no-untyped-def]
    place = np.int64(_hash(data, at, size) % len(table))
    while table[place] >= 0:
        number = table[place]
        start = key_ends[number]
        if key_ends[number + 1] - start == size:
            same = True
            for i in range(size):
                if data[at + i] != key_data[start + i]:
                    same = False
                    break
            if same:
                return number
        place = (place + 1) % len(table)
    return -1
