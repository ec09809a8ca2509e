"""Buckets, each the fold of the trades of one span of time, and the ring of the closed minutes of a day.

Prices, quantities and money are integers of 1e-8, times are microseconds since the epoch, minutes are counted from it.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.units import ONE

Int64s = npt.NDArray[np.int64]

DAY_MINUTES = 1_440
RING = DAY_MINUTES + 1
"""Minutes of the 24-hour window, which begins on a minute: those of the day before a trade and the trade's own."""
PACK_MINUTES = 5
"""Minutes that are stored together."""
NEVER = 2**63 - 1
"""Stands for a minute, or a low, that is not there: above all others."""


class MarketTrade(NamedTuple):
    """One trade, and where in its topic it stands."""

    offset: int
    price: int
    quantity: int
    trade_id: int
    time: int
    buyer_is_maker: bool


class Bucket(msgspec.Struct, array_like=True, tag="bucket", gc=False):
    """The fold of all trades of one span. First and last are by trade time, then by trade id."""

    start: int
    """The minute with which the span begins."""
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    """The sum of price times quantity, cut to eight decimals trade by trade, so that it adds up over any buckets."""
    taker_buy_volume: int
    """The part of the volume that takers bought."""
    trades: int
    first_time: int
    first_trade_id: int
    last_time: int
    last_trade_id: int
    revision: int = 0
    """How often the bucket changed after its end."""


def new_bucket(start: int, trade: MarketTrade) -> Bucket:
    """A bucket of one trade."""
    price, time, trade_id = trade.price, trade.time, trade.trade_id
    bought = 0 if trade.buyer_is_maker else trade.quantity
    money = price * trade.quantity // ONE
    return Bucket(start, price, price, price, price, trade.quantity, money, bought, 1, time, trade_id, time, trade_id)


def merge(bucket: Bucket, other: Bucket) -> None:
    """Take the trades of another bucket into this one, whichever of the two is the earlier."""
    if (other.first_time, other.first_trade_id) < (bucket.first_time, bucket.first_trade_id):
        bucket.open, bucket.first_time, bucket.first_trade_id = other.open, other.first_time, other.first_trade_id
    if (other.last_time, other.last_trade_id) > (bucket.last_time, bucket.last_trade_id):
        bucket.close, bucket.last_time, bucket.last_trade_id = other.close, other.last_time, other.last_trade_id
    bucket.high = max(bucket.high, other.high)
    bucket.low = min(bucket.low, other.low)
    bucket.volume += other.volume
    bucket.quote_volume += other.quote_volume
    bucket.taker_buy_volume += other.taker_buy_volume
    bucket.trades += other.trades
    bucket.revision += other.revision


class Ring(NamedTuple):
    """Closed minutes in columns, one for each field of a bucket; a minute's row is its number modulo `RING`.

    Columns, because a worker keeps some two million minutes. Volumes are Python integers: those of cheap coins
    do not fit into 64 bits.
    """

    start: Int64s
    open: Int64s
    high: Int64s
    low: Int64s
    close: Int64s
    volume: npt.NDArray[np.object_]
    quote_volume: npt.NDArray[np.object_]
    taker_buy_volume: npt.NDArray[np.object_]
    trades: Int64s
    first_time: Int64s
    first_trade_id: Int64s
    last_time: Int64s
    last_trade_id: Int64s
    revision: Int64s


FIELDS = len(Ring._fields)
_VOLUMES = ("volume", "quote_volume", "taker_buy_volume")
_ABSENT: dict[str, int] = {"start": NEVER, "low": NEVER}


def new_ring() -> Ring:
    """A ring without any minute."""
    dtypes: dict[str, Any] = dict.fromkeys(_VOLUMES, object)
    return Ring(*(np.full(RING, _ABSENT.get(name, 0), dtypes.get(name, np.int64)) for name in Ring._fields))


def find(ring: Ring, minute: int) -> Bucket | None:
    """A copy of the bucket of a minute, `None` if no trade of it is there."""
    row = minute % RING
    return bucket_in(ring, row) if ring.start.item(row) == minute else None


def bucket_in(ring: Ring, row: int) -> Bucket:
    """A copy of the bucket in a row that has one."""
    return Bucket(*[column.item(row) for column in ring])


def put(ring: Ring, bucket: Bucket) -> None:
    """Put in the bucket of a minute; what stood in its row is gone."""
    row = bucket.start % RING
    for column, value in zip(ring, msgspec.structs.astuple(bucket), strict=True):
        column[row] = value


def remove(ring: Ring, minute: int) -> None:
    """Take the bucket of a minute out."""
    row = minute % RING
    ring.start[row], ring.high[row], ring.low[row] = NEVER, 0, NEVER


def take_rows(ring: Ring, start: int, end: int) -> list[int]:
    """The fields of the minutes from `start` to before `end` that are there, one after the other."""
    minutes = np.arange(start, end)
    rows = minutes % RING
    rows = rows[ring.start[rows] == minutes]
    return [value for row in zip(*(column[rows].tolist() for column in ring), strict=True) for value in row]


def put_rows(ring: Ring, numbers: list[int], start: int, end: int) -> None:
    """Put in those minutes, as `take_rows` gives them, that lie between `start` and before `end`."""
    minutes = np.array(numbers[::FIELDS], np.int64)
    within = (minutes >= start) & (minutes < end)
    rows = minutes[within] % RING
    for field, column in enumerate(ring):
        column[rows] = np.array(numbers[field::FIELDS], column.dtype)[within]


def fold(ring: Ring, start: int, end: int) -> Bucket | None:
    """One bucket of the minutes from `start` to before `end`, at most `RING`; `None` if no trade of them is there."""
    minutes = np.arange(start, end)
    rows = minutes % RING
    rows = rows[ring.start[rows] == minutes]
    if not len(rows):
        return None
    first, last = rows[0], rows[-1]
    return Bucket(
        start,
        ring.open.item(first),
        int(ring.high[rows].max()),
        int(ring.low[rows].min()),
        ring.close.item(last),
        ring.volume[rows].sum(),
        ring.quote_volume[rows].sum(),
        ring.taker_buy_volume[rows].sum(),
        int(ring.trades[rows].sum()),
        ring.first_time.item(first),
        ring.first_trade_id.item(first),
        ring.last_time.item(last),
        ring.last_trade_id.item(last),
        int(ring.revision[rows].sum()),
    )
