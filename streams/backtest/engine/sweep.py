"""Many settings over the same trades, on every core. Each setting's result is its own, whichever core worked it out."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.records import Setup
from schemas.units import ONE
from streams.backtest.engine.compiled import entry, inner
from streams.backtest.engine.data import Falls, Flow, Prepared, Tape, extremes, falls_of
from streams.backtest.engine.fast import (
    STEP,
    Notes,
    begin,
    make_note,
    market_of,
    new_state,
    next_event,
    no_event,
    notes_of,
    read_note,
    rules_in,
    step,
    take_note,
)
from streams.backtest.engine.scale import TooLarge, Units, scale
from streams.trading.matching import BUYING
from streams.trading.rules import rules_of
from streams.trading.simulation import FILLED, PLACED, Market
from streams.trading.strategy import REFUSED

Int64s = npt.NDArray[np.int64]
Exact = npt.NDArray[np.object_]

MONEY = ONE**3
"""What 1 of the quote asset is in a summary: price · quantity · fee, each in units of 1e-8, so nothing is rounded."""

# The columns of a tally, all in the compiled engine's units. A sum of notionals takes two, for it may pass 64 bits.
ORDERS, REJECTED, BUYS, CYCLES, POSITION, COST, BOUGHT, SOLD = 0, 1, 2, 3, 4, 5, 6, 8
CARRY = 2**62
# Amounts of the drawdown are exact in two numbers: `whole` · ONE - `rest`, 0 <= rest < ONE, of 1 / ONE notional.
CASH, PEAK, DEPTH = 10, 12, 14
SINCE, OVERFLOW = 16, 17
WIDTH = 18
SAFE = 2**60
"""Amounts of the drawdown that stay below need no more than 64 bits."""
FEE = STEP + 1
"""Where a row of numbers has, after rules and step, the fee in units of 1e-8."""

TOGETHER = 16
"""Settings that a core takes at a time."""


class Summary(NamedTuple):
    """What each setting gave, in the order of the settings. Counts are int64, money exact integers of 1 / `MONEY`.

    `realised` is the profit of what was sold after the fees of both sides; `net_profit` also has the open position
    at the last price, and the fee that was paid for it. `max_drawdown` is that of `money.Result`, to the last digit;
    None where it was not worked out.
    """

    orders: Int64s
    rejected: Int64s
    buys: Int64s
    cycles: Int64s
    position: Exact  # bought and not sold, in units of 1e-8
    cost: Exact
    fees: Exact
    realised: Exact
    net_profit: Exact
    max_drawdown: Exact | None


class Tapes(NamedTuple):
    """What all runs of a sweep read; `falls` only where the drawdown is asked for."""

    tape: Tape
    flow: Flow | None
    falls: Falls | None


def sweep(
    prepared: Prepared,
    setups: Sequence[Setup],
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    flow: Flow | None = None,
    drawdown: bool = False,
) -> Summary:
    """Run every one of `setups` from the first trade to the last; `workers` threads, as many as cores if None.

    `progress` is called with the number of settings done so far. Orders are executed as `flow` says, at once if None.
    The largest drawdown is worked out if `drawdown`, or if there is a `flow`. Raises `TooLarge` as `run_fast` does.
    """
    if not setups:
        raise ValueError("settings: none given")
    scaled = [scale(rules_of(*each), prepared.unit, prepared.highest) for each in setups]
    fees = [each.settings.fee for each in setups]
    numbers = [(*rules, units.quantity, fee) for (rules, units), fee in zip(scaled, fees, strict=True)]
    rows = np.array(numbers, np.int64)
    tallies = np.zeros((len(rows), WIDTH), np.int64)
    deep = drawdown or flow is not None  # one variant less to compile
    tapes = Tapes(prepared.tape, flow, falls_of(prepared.tape) if deep else None)
    _run_all(tapes, rows, tallies, workers or len(os.sched_getaffinity(0)), progress)
    last = int(prepared.tape.prices[-1]) if len(prepared) else 0
    money = [
        _money(tally, units, fee, last) for tally, (_, units), fee in zip(tallies.tolist(), scaled, fees, strict=True)
    ]
    position, cost, fees, realised, net_profit = np.array(money, object).T
    counts = tallies[:, ORDERS], tallies[:, REJECTED], tallies[:, BUYS], tallies[:, CYCLES]
    deepest = _drawdowns(tallies, [units for _, units in scaled]) if deep else None
    return Summary(*counts, position, cost, fees, realised, net_profit, deepest)


def _run_all(tapes: Tapes, rows: Int64s, tallies: Int64s, workers: int, progress: Callable[[int], None] | None) -> None:
    starts = range(0, len(rows), TOGETHER)
    with ThreadPoolExecutor(workers) as pool:
        parts = [pool.submit(_run_some, tapes, rows[i : i + TOGETHER], tallies[i : i + TOGETHER]) for i in starts]
        done = 0
        for part in as_completed(parts):
            done += part.result()
            if progress:
                progress(done)


def _run_some(tapes: Tapes, rows: Int64s, tallies: Int64s) -> int:
    _tally_all(*tapes, rows, new_state(int(rows[:, 0].max())), tallies)
    return len(rows)


def _money(tally: list[int], units: Units, fee: int, last: int) -> tuple[int, ...]:
    """Position, cost, fees, realised and net profit of one setting, exact."""
    unit = units.price * units.quantity
    bought, sold = ((tally[at] + tally[at + 1] * CARRY) * unit for at in (BOUGHT, SOLD))
    cost = tally[COST] * unit
    fees = (bought + sold) * fee
    net = (sold - bought + tally[POSITION] * last * unit) * ONE - fees
    realised = (sold - (bought - cost)) * ONE - (sold + bought - cost) * fee
    return tally[POSITION] * units.quantity, cost * ONE, fees, realised, net


def _drawdowns(tallies: Int64s, units: Sequence[Units]) -> Exact:
    """The largest drawdown of each setting; raises `TooLarge` if any needed more than 64 bits."""
    if tallies[:, OVERFLOW].any():
        place = int(tallies[:, OVERFLOW].argmax())
        raise TooLarge(f"the drawdown of setting {place + 1} of {len(tallies)} needs numbers of more than 64 bits")
    wholes, rests = tallies[:, DEPTH].tolist(), tallies[:, DEPTH + 1].tolist()
    rows = zip(wholes, rests, units, strict=True)
    return np.array([(whole * ONE - rest) * unit.price * unit.quantity for whole, rest, unit in rows], object)


@entry
def _tally_all(
    tape: Tape, flow: Flow | None, falls: Falls | None, rows: Int64s, state: Int64s, tallies: Int64s
) -> None:
    for i in range(rows.shape[0]):
        begin(state)
        _tally_one(tape, flow, falls, rows[i], state, tallies[i])


@inner
def _tally_one(tape: Tape, flow: Flow | None, falls: Falls | None, row: Int64s, state: Int64s, tally: Int64s) -> None:
    rules, market, notes = rules_in(row), market_of(state), notes_of(state)
    low, high = no_event(market.leader)
    at = next_event(tape, 0, low, high)
    while at < tape.prices.size:
        events = step(state, market, rules, tape, flow, row[STEP], at)
        if falls is not None and _any_executed(market, events):
            _value(tape, falls, tally, at)
        for event in range(events):
            _count(market, notes, event, tally)
            if falls is not None and market.kind[event] != PLACED:
                _pay(market, event, row[FEE], tally)
        low, high = no_event(market.leader)
        at = next_event(tape, at + 1, low, high)
    if falls is not None:
        _value(tape, falls, tally, at)


@inner
def _count(market: Market, notes: Notes, event: int, tally: Int64s) -> None:
    stage, trader = market.side[event], market.number[event]
    notional = market.price[event] * market.quantity[event]
    if market.kind[event] == PLACED:
        tally[ORDERS] += 1
        tally[REJECTED] += stage > REFUSED
    elif stage == BUYING:
        if market.kind[event] == FILLED:
            make_note(notes, trader, market.price[event])
            tally[BUYS] += 1
        tally[POSITION] += market.quantity[event]
        tally[COST] += notional
        _add(tally, BOUGHT, notional)
    else:
        bought_at = read_note(notes, trader)
        if market.kind[event] == FILLED:
            take_note(notes, trader)
            tally[CYCLES] += 1
        tally[POSITION] -= market.quantity[event]
        tally[COST] -= bought_at * market.quantity[event]
        _add(tally, SOLD, notional)


@inner
def _add(tally: Int64s, at: int, amount: int) -> None:
    tally[at] += amount
    if tally[at] >= CARRY:
        tally[at] -= CARRY
        tally[at + 1] += 1


@inner
def _any_executed(market: Market, events: int) -> bool:
    for event in range(events):  # noqa: SIM110  (a generator does not compile)
        if market.kind[event] != PLACED:
            return True
    return False


@inner
def _pay(market: Market, event: int, fee: int, tally: Int64s) -> None:
    """Put an execution into the cash: notional · ONE less notional · fee, the notional split so that both fit."""
    notional = market.price[event] * market.quantity[event]
    charge = notional % ONE * fee
    tally[CASH] += -notional if market.side[event] == BUYING else notional
    tally[CASH] -= notional // ONE * fee + charge // ONE
    tally[CASH + 1] += charge % ONE
    if tally[CASH + 1] >= ONE:
        tally[CASH + 1] -= ONE
        tally[CASH] -= 1
    if notional > SAFE or abs(tally[CASH]) > SAFE:
        tally[OVERFLOW] = 1


@inner
def _value(tape: Tape, falls: Falls, tally: Int64s, end: int) -> None:
    """Value what was held from the last execution up to trade `end`, as `money.result_of` does stretch by stretch."""
    since, position, cash, rest = tally[SINCE], tally[POSITION], tally[CASH], tally[CASH + 1]
    tally[SINCE] = end
    if since == end:
        return
    top = low = fall = np.int64(0)
    if position > 0:
        top, low, fall = extremes(tape, falls, since, end)
        if float(position) * float(top) > SAFE:
            tally[OVERFLOW] = 1
            return
    _deepen(tally, tally[PEAK] - (cash + position * low), tally[PEAK + 1] - rest)
    _deepen(tally, position * fall, 0)
    if cash + position * top > tally[PEAK] or (cash + position * top == tally[PEAK] and rest < tally[PEAK + 1]):
        tally[PEAK] = cash + position * top
        tally[PEAK + 1] = rest


@inner
def _deepen(tally: Int64s, whole: int, rest: int) -> None:
    """Make the drawdown the amount `whole` · ONE - `rest`, |rest| < ONE, if that is more."""
    if rest < 0:
        rest += ONE
        whole += 1
    if whole > tally[DEPTH] or (whole == tally[DEPTH] and rest < tally[DEPTH + 1]):
        tally[DEPTH] = whole
        tally[DEPTH + 1] = rest
