"""Many settings over the same trades, on every core. Each setting's result is its own, whichever core worked it out."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.records import Settings
from schemas.units import ONE
from streams.backtest.compiled import entry, inner
from streams.backtest.data import Prepared, Tape
from streams.backtest.fast import (
    Notes,
    begin,
    make_note,
    market_of,
    new_state,
    next_event,
    no_event,
    notes_of,
    rules_in,
    step,
    take_note,
)
from streams.backtest.scale import Units, scale
from streams.trading.market import FILLED, Market
from streams.trading.rules import Rules, rules_of
from streams.trading.strategy import BUYING, REFUSED

Int64s = npt.NDArray[np.int64]
Exact = npt.NDArray[np.object_]

MONEY = ONE**3
"""What 1 of the quote asset is in a summary: price · quantity · fee, each in units of 1e-8, so nothing is rounded."""

# The columns of a tally, all in the compiled engine's units. A sum of notionals takes two, for it may pass 64 bits.
ORDERS, REJECTED, BUYS, CYCLES, POSITION, COST, BOUGHT, SOLD = 0, 1, 2, 3, 4, 5, 6, 8
WIDTH = 10
CARRY = 2**62

TOGETHER = 16
"""Settings that a core takes at a time."""


class Summary(NamedTuple):
    """What each setting gave, in the order of the settings. Counts are int64, money exact integers of 1 / `MONEY`.

    `realised` is the profit of finished cycles after the fees of both sides; `net_profit` also has the open position
    at the last price, and the fee that was paid for it.
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


def sweep(
    prepared: Prepared,
    settings: Sequence[Settings],
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Run every one of `settings` from the first trade to the last; `workers` threads, as many as cores if None.

    `progress` is called with the number of settings done so far. Raises `TooLarge` as `run_fast` does.
    """
    if not settings:
        raise ValueError("settings: none given")
    scaled = [scale(rules_of(each), prepared.unit, prepared.highest) for each in settings]
    rows = np.array([rules for rules, _ in scaled], np.int64)
    tallies = np.zeros((len(rows), WIDTH), np.int64)
    _run_all(prepared.tape, rows, tallies, workers or len(os.sched_getaffinity(0)), progress)
    last = int(prepared.tape.prices[-1]) if len(prepared) else 0
    money = [
        _money(tally, units, each.fee, last)
        for tally, (_, units), each in zip(tallies.tolist(), scaled, settings, strict=True)
    ]
    position, cost, fees, realised, net_profit = np.array(money, object).T
    counts = tallies[:, ORDERS], tallies[:, REJECTED], tallies[:, BUYS], tallies[:, CYCLES]
    return Summary(*counts, position, cost, fees, realised, net_profit)


def _run_all(tape: Tape, rows: Int64s, tallies: Int64s, workers: int, progress: Callable[[int], None] | None) -> None:
    starts = range(0, len(rows), TOGETHER)
    with ThreadPoolExecutor(workers) as pool:
        parts = [pool.submit(_run_some, tape, rows[i : i + TOGETHER], tallies[i : i + TOGETHER]) for i in starts]
        done = 0
        for part in as_completed(parts):
            done += part.result()
            if progress:
                progress(done)


def _run_some(tape: Tape, rows: Int64s, tallies: Int64s) -> int:
    _tally_all(tape, rows, new_state(int(rows[:, 0].max())), tallies)
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


@entry
def _tally_all(tape: Tape, rows: Int64s, state: Int64s, tallies: Int64s) -> None:
    for i in range(rows.shape[0]):
        begin(state)
        _tally_one(tape, rules_in(rows[i]), market_of(state), notes_of(state), tallies[i])


@inner
def _tally_one(tape: Tape, rules: Rules, market: Market, notes: Notes, tally: Int64s) -> None:
    low, high = no_event(market.leader)
    at = next_event(tape, 0, low, high)
    while at < tape.prices.size:
        events = step(market, rules, tape.prices[at])
        for event in range(events):
            _count(market, notes, event, tally)
        low, high = no_event(market.leader)
        at = next_event(tape, at + 1, low, high)


@inner
def _count(market: Market, notes: Notes, event: int, tally: Int64s) -> None:
    stage, trader = market.side[event], market.number[event]
    notional = market.price[event] * market.quantity[event]
    if market.kind[event] != FILLED:
        tally[ORDERS] += 1
        tally[REJECTED] += stage > REFUSED
    elif stage == BUYING:
        make_note(notes, trader, notional)
        tally[BUYS] += 1
        tally[POSITION] += market.quantity[event]
        tally[COST] += notional
        _add(tally, BOUGHT, notional)
    else:
        tally[CYCLES] += 1
        tally[POSITION] -= market.quantity[event]
        tally[COST] -= take_note(notes, trader)
        _add(tally, SOLD, notional)


@inner
def _add(tally: Int64s, at: int, amount: int) -> None:
    tally[at] += amount
    if tally[at] >= CARRY:
        tally[at] -= CARRY
        tally[at + 1] += 1
