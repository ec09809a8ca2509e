"""A series of market prices, prepared once for any number of runs: small integers and their extremes by block."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from infra.compiling import inner
from schemas.units import PRICE_MAX
from streams.backtest.engine.compiled import entry
from streams.trading.matching import Column
from streams.trading.rules import Rules, is_timed
from streams.trading.simulation import AT_ONCE, Execution

Int64s = npt.NDArray[np.int64]
Prices = npt.NDArray[np.int64]
Quantities = npt.NDArray[np.int64]
Times = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32] | npt.NDArray[np.int64]

SMALL, LARGE = 6, 12
"""Binary logarithms of the numbers of trades that share a minimum and a maximum: 64 and 4,096."""
MOST, EXACT = 2**31 - 1, 2**53
BLOCK = 1 << 20
"""So many trades are looked at at a time where each takes some memory."""


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
    """Prices in their unit, and the lowest and highest of every 64 and of every 4,096 of them."""

    prices: Ints
    low: Ints
    high: Ints
    lowest: Ints
    highest: Ints


class Falls(NamedTuple):
    """The deepest fall from a price to a later one within every 64 and every 4,096 trades of a tape."""

    small: Ints
    large: Ints


@dataclass(frozen=True)
class Prepared:
    """Market prices as the compiled engine reads them; `unit` is what 1 stands for, in units of 1e-8."""

    tape: Tape
    unit: int
    highest: int

    def __len__(self) -> int:
        return len(self.tape.prices)


def int64s(size: int) -> Column:
    """Return a column of `size` zeros as compiled code takes it: an array of 64 bits."""
    return cast(Column, np.zeros(size, np.int64))


def clock_of(times: Times) -> Times:
    """Return what the trades' clock shows at each of them (µs): the latest time up to it, so it never goes back.

    Those are the times themselves, not a copy, if they never do.
    """
    parts = range(0, len(times), BLOCK)
    if all((times[at + 1 : at + BLOCK + 1] >= times[at : at + BLOCK][: len(times) - at - 1]).all() for at in parts):
        return np.asarray(times, np.int64)
    clock: Times = np.maximum.accumulate(np.asarray(times, np.int64))
    return clock


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

    Raises `ValueError`, which names the first price that is none. Takes two or three nanoseconds a trade, more where
    prices are not whole numbers of ticks.
    """
    prices = np.ascontiguousarray(prices, dtype=np.int64)
    tape = _empty(len(prices), np.int32)
    lowest, highest = _fill(prices, float(tick), tape)
    if lowest >= 1:
        return Prepared(tape, tick, highest)
    if len(prices) == 0:
        return Prepared(tape, tick, 1)
    return _prepare_any(prices, tick)


def falls_of(tape: Tape) -> Falls:
    """Return the falls of a tape's blocks. Takes some two nanoseconds a trade."""
    falls = Falls(np.empty_like(tape.low), np.empty_like(tape.lowest))
    _falls(tape, falls)
    return falls


def _prepare_any(prices: Prices, tick: int) -> Prepared:
    """Prepare prices that are not all ticks by the number that 32 bits hold; `ValueError` for what is no price."""
    lowest, highest = int(prices.min()), int(prices.max())
    if lowest < 1 or highest > PRICE_MAX:
        wrong = int(np.flatnonzero((prices < 1) | (prices > PRICE_MAX))[0])
        raise ValueError(f"prices: trade {wrong} has {prices[wrong]} (1e-8), which is no price")
    unit = tick if not (prices % tick).any() else math.gcd(tick, int(np.gcd.reduce(prices)))
    tape = _empty(len(prices), np.int32 if highest // unit < 2**31 else np.int64)
    tape.prices[:] = prices // unit
    _extremes(tape)
    return Prepared(tape, unit, highest // unit)


def _empty(size: int, kind: type[np.int32] | type[np.int64]) -> Tape:
    small, large = (-(-size >> bits) for bits in (SMALL, LARGE))
    return Tape(*(_room(length, kind) for length in (size, small, small, large, large)))


def _room(size: int, kind: type[np.int32] | type[np.int64]) -> Ints:
    return np.empty(size, np.int32) if kind is np.int32 else np.empty(size, np.int64)


@entry
def _fill(prices: Prices, tick: float, tape: Tape) -> tuple[int, int]:
    """Fill a tape of 32 bits with how many ticks each price is; return the lowest and the highest number.

    The lowest is 0 where any price is not a whole number of ticks from 1 to 2^31 - 1, or needs more than 53 bits, which
    is what a float holds exactly.
    """
    lowest, highest, off = np.int32(MOST), np.int32(0), 0
    part = 1.0 / tick
    for block in range(tape.low.size):
        low, high = np.int32(MOST), np.int32(0)
        for i in range(block << SMALL, min(block + 1 << SMALL, prices.size)):
            price = np.float64(prices[i])
            ticks = price * part + 0.5
            ticks = ticks if ticks < MOST else np.float64(MOST)
            count = np.int32(ticks if ticks > 0 else 0.0)
            off += np.float64(count) * tick != price
            tape.prices[i] = count
            low, high = min(low, count), max(high, count)
        tape.low[block], tape.high[block] = low, high
        lowest, highest = min(lowest, low), max(highest, high)
    _extremes_of_large(tape)
    inexact = np.float64(highest) * tick >= EXACT
    none = off or inexact or not prices.size
    return 0 if none else np.int64(lowest), np.int64(highest)  # type: ignore[return-value]


@entry
def _extremes(tape: Tape) -> None:
    for block in range(tape.low.size):
        tape.low[block], tape.high[block] = _range(tape.prices, tape.prices, block << SMALL, 1 << SMALL)
    _extremes_of_large(tape)


@inner
def _extremes_of_large(tape: Tape) -> None:
    for block in range(tape.lowest.size):
        first = block << (LARGE - SMALL)
        tape.lowest[block], tape.highest[block] = _range(tape.low, tape.high, first, 1 << (LARGE - SMALL))


@entry
def _falls(tape: Tape, falls: Falls) -> None:
    for block in range(falls.small.size):
        high, deepest = np.int64(tape.prices[block << SMALL]), np.int64(0)
        for i in range(block << SMALL, min(block + 1 << SMALL, tape.prices.size)):
            high = max(high, np.int64(tape.prices[i]))
            deepest = max(deepest, high - np.int64(tape.prices[i]))
        falls.small[block] = deepest
    for block in range(falls.large.size):
        first = block << (LARGE - SMALL)
        high, deepest = np.int64(tape.high[first]), np.int64(falls.small[first])
        for i in range(first + 1, min(first + (1 << LARGE - SMALL), falls.small.size)):
            deepest = max(deepest, np.int64(falls.small[i]), high - np.int64(tape.low[i]))
            high = max(high, np.int64(tape.high[i]))
        falls.large[block] = deepest


@inner
def extremes(tape: Tape, falls: Falls, first: int, end: int) -> tuple[int, int, int]:
    """Return highest price, lowest price and deepest fall of the trades from `first` up to `end`, at least one."""
    high = low = np.int64(tape.prices[first])
    deepest = np.int64(0)
    at = first
    while at < end:
        if at & ((1 << LARGE) - 1) == 0 and at + (1 << LARGE) <= end:
            block = at >> LARGE
            top, bottom = np.int64(tape.highest[block]), np.int64(tape.lowest[block])
            fall = np.int64(falls.large[block])
            at += 1 << LARGE
        elif at & ((1 << SMALL) - 1) == 0 and at + (1 << SMALL) <= end:
            block = at >> SMALL
            top, bottom = np.int64(tape.high[block]), np.int64(tape.low[block])
            fall = np.int64(falls.small[block])
            at += 1 << SMALL
        else:
            top = bottom = np.int64(tape.prices[at])
            fall = np.int64(0)
            at += 1
        deepest = max(deepest, fall, high - bottom)
        high = max(high, top)
        low = min(low, bottom)
    return int(high), int(low), int(deepest)


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
