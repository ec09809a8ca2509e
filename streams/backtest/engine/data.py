"""A series of market prices, prepared once for any number of runs: their extremes by block, and what divides them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from infra.compiling import inner
from infra.mapped import PART, let_go, parts
from schemas.units import PRICE_MAX
from streams.backtest.engine.compiled import entry
from streams.backtest.engine.scale import INT64_MAX
from streams.trading.matching import Column
from streams.trading.rules import Rules, is_timed
from streams.trading.simulation import AT_ONCE, Execution

Int64s = npt.NDArray[np.int64]
Prices = npt.NDArray[np.int64]
Quantities = npt.NDArray[np.int64]
Times = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32] | npt.NDArray[np.int64]
Int = Any
"""An integer of 64 bits, as compiled code makes them."""

SMALL, LARGE = 6, 12
"""Binary logarithms of the numbers of trades that share a minimum and a maximum: 64 and 4,096."""
MOST = 2**31 - 1
_WORD = 2**64


class Trades(Protocol):
    """Market trades of one instrument in their order, as int64 columns of equal length."""

    @property
    def prices(self) -> Prices:
        """Prices in units of 1e-8."""

    @property
    def quantities(self) -> Quantities:
        """Quantities of the base asset in units of 1e-8."""

    @property
    def times(self) -> Times:
        """Times in µs since the epoch; they may step back."""


class Flow(NamedTuple):
    """What honest execution asks of market trades beside their prices: when they were, and how much was traded."""

    execution: Execution
    clock: Times
    quantities: Quantities


class Tape(NamedTuple):
    """Prices as they are recorded; the lowest and highest of every 64 and of every 4,096 of them, counted in `unit`.

    `unit` (1e-8) divides every price. Prices themselves are looked at where a block has an event, so no copy of them
    is made for the engine, which counts in this unit.
    """

    prices: Prices
    low: Ints
    high: Ints
    lowest: Ints
    highest: Ints
    unit: int


class Falls(NamedTuple):
    """The deepest fall from a price to a later one within every 64 and every 4,096 trades of a tape, in its unit."""

    small: Ints
    large: Ints


@dataclass(frozen=True)
class Prepared:
    """Market prices as the compiled engine reads them, and the highest of them in the unit of the tape."""

    tape: Tape
    highest: int

    def __len__(self) -> int:
        return len(self.tape.prices)

    @property
    def unit(self) -> int:
        """What 1 stands for, in units of 1e-8."""
        return self.tape.unit


def int64s(size: int) -> Column:
    """Return a column of `size` zeros as compiled code takes it: an array of 64 bits."""
    return cast(Column, np.zeros(size, np.int64))


def clock_of(times: Times) -> Times:
    """Return what the trades' clock shows at each of them (µs): the latest time up to it, so it never goes back.

    Those are the times themselves, not a copy, if they never do.
    """
    if all((later >= earlier).all() for earlier, later in parts(times[:-1], times[1:])):
        return times
    clock: Times = np.maximum.accumulate(times)
    return clock


def numbers_of(prices: Prices) -> Iterator[int]:
    """Yield market prices as Python's integers, not all in memory at once."""
    for (part,) in parts(prices):
        yield from part.tolist()


def flow_of(trades: Trades, execution: Execution, timed: bool = False) -> Flow | None:
    """Return what the engines need to execute orders on these trades; None if all are executed at once.

    Rules that are `timed` need the times in any case: those of the trades themselves, as a leader sees them.

    Raises `ValueError` for an `execution` that cannot be.
    """
    execution.check()
    if execution == AT_ONCE and not timed:
        return None
    clock = clock_of(trades.times) if execution.latency_us else np.ascontiguousarray(trades.times, np.int64)
    return Flow(execution, clock, np.ascontiguousarray(trades.quantities, np.int64))


def prepare(prices: Prices, tick: int) -> Prepared:
    """Prepare market prices, int64 in units of 1e-8 and in the order of their trades, for rules with this tick.

    Raises `ValueError`, which names the first price that is none. Takes a nanosecond or two a trade, more where prices
    are not whole numbers of ticks.
    """
    prices = np.ascontiguousarray(prices, dtype=np.int64)
    tape = _empty(prices, np.int32, tick)
    lowest, highest, whole = _prepared(tape, tick)
    if lowest < 1 or highest > PRICE_MAX:
        wrong, price = next(_no_prices(prices))
        raise ValueError(f"prices: trade {wrong} has {price} (1e-8), which is no price")
    if whole and highest // tick <= MOST:
        return Prepared(tape, highest // tick)
    unit = tick if whole else math.gcd(tick, *(int(np.gcd.reduce(part)) for (part,) in parts(prices)))
    tape = _empty(prices, np.int32 if highest // unit <= MOST else np.int64, unit)
    _, highest, _ = _prepared(tape, unit)
    return Prepared(tape, highest // unit)


def falls_of(tape: Tape) -> Falls:
    """Return the falls of a tape's blocks. Takes some two nanoseconds a trade."""
    falls = Falls(np.empty_like(tape.low), np.empty_like(tape.lowest))
    _falls(tape, falls)
    return falls


def _no_prices(prices: Prices) -> Iterator[tuple[int, int]]:
    """Yield what is no price, and where."""
    first = 0
    for (part,) in parts(prices):
        yield from ((first + at, int(part[at])) for at in np.flatnonzero((part < 1) | (part > PRICE_MAX)).tolist())
        first += len(part)


def _empty(prices: Prices, kind: type[np.int32] | type[np.int64], unit: int) -> Tape:
    small, large = (-(-len(prices) >> bits) for bits in (SMALL, LARGE))
    low, high, lowest, highest = (_room(length, kind) for length in (small, small, large, large))
    return Tape(prices, low, high, lowest, highest, unit)


def _room(size: int, kind: type[np.int32] | type[np.int64]) -> Ints:
    return np.empty(size, np.int32) if kind is np.int32 else np.empty(size, np.int64)


def _prepared(tape: Tape, unit: int) -> tuple[int, int, bool]:
    """Fill the extremes of a tape; return lowest and highest price in 1e-8, and whether `unit` divides all prices.

    Nothing of it counts where a price is none; the extremes only where the unit divides all.

    A number is a multiple of `unit`, an odd one times 2^`twos`, if its last `twos` bits are 0 and its product with the
    inverse of the odd one, modulo 2^64, is at most (2^64 - 1) / odd: products are permuted, and multiples have the
    smallest. For a price, that is then at most `PRICE_MAX` / odd, an 18th of this: so one bit tells them apart.
    """
    odd, twos = unit, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    inverse = np.uint64(pow(odd, -1, _WORD))
    lowest, highest, last_bits, products = PRICE_MAX, unit, 0, 0
    size = PART >> LARGE << LARGE
    for first in range(0, len(tape.prices), size):
        found = _extremes(tape, first, min(first + size, len(tape.prices)), inverse)
        lowest, highest = min(lowest, found[0]), max(highest, found[1])
        last_bits, products = last_bits | found[2], products | found[3]
        let_go(tape.prices)
    _extremes_of_large(tape)
    top_bit = ((_WORD - 1) // odd).bit_length() - 1
    return lowest, highest, last_bits % 2**twos == 0 and products < 2**top_bit


@entry
def _extremes(tape: Tape, first: int, end: int, inverse: Int) -> tuple[Int, Int, Int, Int]:
    """Fill the extremes of the blocks of 64 from trade `first` up to `end`; return lowest and highest of all.

    Behind these come the bits that any price has, and those that any product of one with `inverse` has.
    """
    lowest: Int = np.int64(INT64_MAX)
    highest, bits = np.int64(0), np.int64(0)
    products: Int = np.uint64(0)
    for block in range(first >> SMALL, -(-end >> SMALL)):
        at = block << SMALL
        size = min(end - at, 1 << SMALL)
        if size == 1 << SMALL:  # a number that is known when this is compiled makes it ten times as fast
            low, high, bits, products = _looked_at(
                tape.prices[at : at + (1 << SMALL)], 1 << SMALL, inverse, bits, products
            )
        else:
            low, high, bits, products = _looked_at(tape.prices[at:end], size, inverse, bits, products)
        tape.low[block], tape.high[block] = low // tape.unit, high // tape.unit
        lowest, highest = min(lowest, low), max(highest, high)
    return lowest, highest, bits, products


@inner
def _looked_at(prices: Prices, size: int, inverse: Int, bits: Int, products: Int) -> tuple[Int, Int, Int, Int]:
    low = high = prices[0]
    for i in range(size):
        price = prices[np.uint64(i)]
        low = price if price < low else low
        high = price if price > high else high
        bits |= price
        products |= np.uint64(price) * inverse
    return low, high, bits, products


@entry
def _extremes_of_large(tape: Tape) -> None:
    for block in range(tape.lowest.size):
        first = block << (LARGE - SMALL)
        tape.lowest[block], tape.highest[block] = _range(tape.low, tape.high, first, 1 << (LARGE - SMALL))


@entry
def _falls(tape: Tape, falls: Falls) -> None:
    for block in range(falls.small.size):
        high, deepest = tape.prices[block << SMALL], np.int64(0)
        for i in range(block << SMALL, min(block + 1 << SMALL, tape.prices.size)):
            high = max(high, tape.prices[i])
            deepest = max(deepest, high - tape.prices[i])
        falls.small[block] = deepest // tape.unit
    for block in range(falls.large.size):
        first = block << (LARGE - SMALL)
        high, deepest = np.int64(tape.high[first]), np.int64(falls.small[first])
        for i in range(first + 1, min(first + (1 << LARGE - SMALL), falls.small.size)):
            deepest = max(deepest, np.int64(falls.small[i]), high - np.int64(tape.low[i]))
            high = max(high, np.int64(tape.high[i]))
        falls.large[block] = deepest


@inner
def extremes(tape: Tape, falls: Falls, first: int, end: int) -> tuple[int, int, int]:
    """Return highest price, lowest price and deepest fall, in the tape's unit, of the trades from `first` up to `end`.

    There is at least one.
    """
    high = low = tape.prices[first]
    deepest = np.int64(0)
    at = first
    while at < end:
        if at & ((1 << LARGE) - 1) == 0 and at + (1 << LARGE) <= end:
            block = at >> LARGE
            top, bottom = tape.highest[block] * tape.unit, tape.lowest[block] * tape.unit
            fall = falls.large[block] * tape.unit
            at += 1 << LARGE
        elif at & ((1 << SMALL) - 1) == 0 and at + (1 << SMALL) <= end:
            block = at >> SMALL
            top, bottom = tape.high[block] * tape.unit, tape.low[block] * tape.unit
            fall = falls.small[block] * tape.unit
            at += 1 << SMALL
        else:
            top = bottom = tape.prices[at]
            fall = np.int64(0)
            at += 1
        deepest = max(deepest, fall, high - bottom)
        high = max(high, top)
        low = min(low, bottom)
    return int(high // tape.unit), int(low // tape.unit), int(deepest // tape.unit)


@inner
def _range(lows: Ints, highs: Ints, first: int, size: int) -> tuple[int, int]:
    low, high = lows[first], highs[first]
    for i in range(first, min(first + size, lows.size)):
        low = min(low, lows[i])
        high = max(high, highs[i])
    return low, high


def check_timed(rules: Iterable[Rules], flow: Flow | None) -> None:
    """Raise `ValueError` for rules that are timed, where there are no times."""
    if flow is None and any(map(is_timed, rules)):
        raise ValueError("minute_limit, loss_limit: these need the times of the trades")
