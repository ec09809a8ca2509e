"""Many settings over the same trades, on every core. Each setting's result is its own, whichever core worked it out."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from infra.compiling import inner
from infra.cores import cores
from schemas.records import Setup
from schemas.units import ONE
from streams.backtest.engine.compiled import compiled, entry
from streams.backtest.engine.data import Falls, Flow, Int64s, Prepared, Tape, check_timed, extremes, falls_of, int64s
from streams.backtest.engine.fast import forget, next_event, no_event, note, noted, step
from streams.backtest.engine.scale import TooLarge, Units, scale
from streams.trading.matching import BUYING
from streams.trading.rules import Rules, rules_of
from streams.trading.side_table import SideTable, clear, new_side_table
from streams.trading.simulation import FILLED, PLACED, Events, Simulation, begin, new_simulation
from streams.trading.strategy import REFUSED

Exact = npt.NDArray[np.object_]
Records = npt.NDArray[np.void]

MONEY = ONE**3
"""What 1 of the quote asset is in a summary: price · quantity · fee, each in units of 1e-8, so nothing is rounded."""


CARRY = 2**62
"""What 1 of a tally's `bought_carries` and `sold_carries` stands for."""
SAFE = 2**60
"""Amounts of the drawdown that stay below need no more than 64 bits."""

begin_again = compiled(begin)
clear_table = compiled(clear)

TOGETHER = 16
"""The number of settings that a core takes at a time."""


@dataclass
class Tally:
    """What one run adds up, in the compiled engine's units: the row of a table that compiled code writes.

    A sum of notionals takes two numbers, for it may pass 64 bits. Amounts of the drawdown, of 1 / `ONE` notional, are
    exact in two numbers: the amount · `ONE` less its rest, 0 <= rest < `ONE`.
    """

    orders: int = 0
    rejected: int = 0
    buys: int = 0
    cycles: int = 0
    position: int = 0
    cost: int = 0
    bought: int = 0
    bought_carries: int = 0
    sold: int = 0
    sold_carries: int = 0
    cash: int = 0
    cash_rest: int = 0
    peak: int = 0
    peak_rest: int = 0
    depth: int = 0
    depth_rest: int = 0
    since: int = 0
    """Position of the last trade that executed an order."""
    overflow: int = 0
    """1 if the drawdown needs more than 64 bits."""


TALLIES = np.dtype([(field.name, np.int64) for field in fields(Tally)], align=True)
RULES = np.dtype([(name, np.int64) for name in Rules._fields], align=True)


class Summary(NamedTuple):
    """What each setting gave, in the order of the settings. Counts are int64, money exact integers of 1 / `MONEY`.

    `realised` is the profit of what was sold after the fees of both sides; `net_profit` also has the open position
    at the last price, and the fee that was paid for it. `max_drawdown` is that of `performance.Result`, to the last
    digit; None where it was not worked out.
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


class Numbers(NamedTuple):
    """The settings as compiled code reads them, one entry a setting: scaled rules as records, step and fee in 1e-8."""

    rules: Records
    unit: Int64s
    fee: Int64s

    def of(self, some: slice) -> "Numbers":
        """Return the entries of some of the settings."""
        return Numbers(self.rules[some], self.unit[some], self.fee[some])


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
    rules = [rules_of(*each) for each in setups]
    check_timed(rules, flow)
    scaled, units = zip(*(scale(each, prepared.unit, prepared.highest) for each in rules), strict=True)
    deep = drawdown or flow is not None  # one variant less to compile
    tapes = Tapes(prepared.tape, flow, falls_of(prepared.tape) if deep else None)
    numbers = Numbers(
        np.array(list(scaled), RULES),
        np.array([unit.quantity for unit in units], np.int64),
        np.array([each.settings.fee for each in setups], np.int64),
    )
    table = np.zeros(len(setups), TALLIES)
    _run_all(tapes, numbers, table, workers or cores(), progress)
    tallies = [Tally(*row) for row in table.tolist()]
    last = int(prepared.tape.prices[-1]) // prepared.unit if len(prepared) else 0
    money = [_money(*each, last) for each in zip(tallies, units, numbers.fee.tolist(), strict=True)]
    counts = (table[name] for name in ("orders", "rejected", "buys", "cycles"))
    columns: list[Any] = [*counts, *np.array(money, object).T, _drawdowns(tallies, units) if deep else None]
    return Summary(*columns)


def _run_all(
    tapes: Tapes, numbers: Numbers, table: Records, workers: int, progress: Callable[[int], None] | None
) -> None:
    with ThreadPoolExecutor(workers) as pool:
        slices = [slice(i, i + TOGETHER) for i in range(0, len(table), TOGETHER)]
        parts = [pool.submit(_run_some, tapes, numbers.of(some), table[some]) for some in slices]
        done = 0
        for part in as_completed(parts):
            done += part.result()
            if progress:
                progress(done)


def _run_some(tapes: Tapes, numbers: Numbers, table: Records) -> int:
    chunks = int(numbers.rules["chunks"].max())
    _tally_all(*tapes, numbers, new_simulation(chunks, int64s), new_side_table(chunks, int64s), table)
    return len(table)


def _money(tally: Tally, units: Units, fee: int, last: int) -> tuple[int, ...]:
    """Return position, cost, fees, realised and net profit of one setting, exact."""
    unit = units.price * units.quantity
    bought = (tally.bought + tally.bought_carries * CARRY) * unit
    sold = (tally.sold + tally.sold_carries * CARRY) * unit
    cost = tally.cost * unit
    fees = (bought + sold) * fee
    net = (sold - bought + tally.position * last * unit) * ONE - fees
    realised = (sold - (bought - cost)) * ONE - (sold + bought - cost) * fee
    return tally.position * units.quantity, cost * ONE, fees, realised, net


def _drawdowns(tallies: Sequence[Tally], units: Sequence[Units]) -> Exact:
    """Return the largest drawdown of each setting; raise `TooLarge` if any needed more than 64 bits."""
    for number, tally in enumerate(tallies, start=1):
        if tally.overflow:
            raise TooLarge(f"the drawdown of setting {number} of {len(tallies)} needs numbers of more than 64 bits")
    rows = zip(tallies, units, strict=True)
    amounts = [(tally.depth * ONE - tally.depth_rest) * unit.price * unit.quantity for tally, unit in rows]
    return np.array(amounts, object)


@inner
def _rules_in(row: Rules) -> Rules:
    """Return the rules of a record: as values they stay in registers."""
    return Rules(
        chunks=row.chunks,
        tick=row.tick,
        step=row.step,
        buy_num=row.buy_num,
        buy_den=row.buy_den,
        sell_num=row.sell_num,
        sell_den=row.sell_den,
        rebuy_num=row.rebuy_num,
        rebuy_den=row.rebuy_den,
        lot_num=row.lot_num,
        lot_den=row.lot_den,
        min_price=row.min_price,
        max_price=row.max_price,
        min_quantity=row.min_quantity,
        max_quantity=row.max_quantity,
        min_notional=row.min_notional,
        max_notional=row.max_notional,
        bid_low_num=row.bid_low_num,
        bid_low_den=row.bid_low_den,
        bid_high_num=row.bid_high_num,
        bid_high_den=row.bid_high_den,
        ask_low_num=row.ask_low_num,
        ask_low_den=row.ask_low_den,
        ask_high_num=row.ask_high_num,
        ask_high_den=row.ask_high_den,
        max_position=row.max_position,
        budget=row.budget,
        notional_limit=row.notional_limit,
        orders_limit=row.orders_limit,
        minute_limit=row.minute_limit,
        loss_limit=row.loss_limit,
        fee_num=row.fee_num,
        fee_den=row.fee_den,
    )


@entry
def _tally_all(
    tape: Tape,
    flow: Flow | None,
    falls: Falls | None,
    numbers: Numbers,
    simulation: Simulation,
    bought_at: SideTable,
    table: Records,
) -> None:
    for i in range(table.size):
        begin_again(simulation)
        clear_table(bought_at)
        rules = _rules_in(numbers.rules[i])
        _tally_one(tape, flow, falls, rules, numbers.unit[i], numbers.fee[i], simulation, bought_at, table[i])


@inner
def _tally_one(
    tape: Tape,
    flow: Flow | None,
    falls: Falls | None,
    rules: Rules,
    unit: int,
    fee: int,
    simulation: Simulation,
    bought_at: SideTable,
    tally: Tally,
) -> None:
    """Add up one run. `bought_at` has the price of what each trader has bought and not sold."""
    events = simulation.events
    low, high = no_event(simulation.leader)
    at = next_event(tape, 0, low, high)
    while at < tape.prices.size:
        size = step(simulation, rules, tape, flow, unit, at)
        if falls is not None and _any_executed(events, size):
            _value(tape, falls, tally, at)
        for event in range(size):
            _count(events, bought_at, event, tally)
            if falls is not None and events.kind[event] != PLACED:
                _pay(events, event, fee, tally)
        low, high = no_event(simulation.leader)
        at = next_event(tape, at + 1, low, high)
    if falls is not None:
        _value(tape, falls, tally, at)


@inner
def _count(events: Events, bought_at: SideTable, event: int, tally: Tally) -> None:
    stage, trader = events.stage[event], events.trader[event]
    notional = events.price[event] * events.quantity[event]
    if events.kind[event] == PLACED:
        tally.orders += 1
        tally.rejected += stage > REFUSED
    elif stage == BUYING:
        if events.kind[event] == FILLED:
            note(bought_at, trader, events.price[event])
            tally.buys += 1
        tally.position += events.quantity[event]
        tally.cost += notional
        tally.bought, tally.bought_carries = _added(tally.bought, tally.bought_carries, notional)
    else:
        tally.position -= events.quantity[event]
        tally.cost -= noted(bought_at, trader) * events.quantity[event]
        tally.sold, tally.sold_carries = _added(tally.sold, tally.sold_carries, notional)
        if events.kind[event] == FILLED:
            forget(bought_at, trader)
            tally.cycles += 1


@inner
def _added(amount: int, carries: int, more: int) -> tuple[int, int]:
    amount += more
    if amount >= CARRY:
        return amount - CARRY, carries + 1
    return amount, carries


@inner
def _any_executed(events: Events, size: int) -> bool:
    for event in range(size):  # noqa: SIM110  (a generator does not compile)
        if events.kind[event] != PLACED:
            return True
    return False


@inner
def _pay(events: Events, event: int, fee: int, tally: Tally) -> None:
    """Put an execution into the cash: notional · ONE less notional · fee, the notional split so that both fit."""
    notional = events.price[event] * events.quantity[event]
    charge = notional % ONE * fee
    tally.cash += -notional if events.stage[event] == BUYING else notional
    tally.cash -= notional // ONE * fee + charge // ONE
    tally.cash_rest += charge % ONE
    if tally.cash_rest >= ONE:
        tally.cash_rest -= ONE
        tally.cash -= 1
    if notional > SAFE or abs(tally.cash) > SAFE:
        tally.overflow = 1


@inner
def _value(tape: Tape, falls: Falls, tally: Tally, end: int) -> None:
    """Value what was held from the last execution up to trade `end`, stretch by stretch, as `performance.result_of`."""
    since, position, cash, rest = tally.since, tally.position, tally.cash, tally.cash_rest
    tally.since = end
    if since == end:
        return
    top = low = fall = 0
    if position > 0:
        top, low, fall = extremes(tape, falls, since, end)
        if float(position) * float(top) > SAFE:
            tally.overflow = 1
            return
    _deepen(tally, tally.peak - (cash + position * low), tally.peak_rest - rest)
    _deepen(tally, position * fall, 0)
    net = cash + position * top
    if net > tally.peak or (net == tally.peak and rest < tally.peak_rest):
        tally.peak = net
        tally.peak_rest = rest


@inner
def _deepen(tally: Tally, whole: int, rest: int) -> None:
    """Make the drawdown the amount `whole` · ONE - `rest`, |rest| < ONE, if that is more."""
    if rest < 0:
        rest += ONE
        whole += 1
    if whole > tally.depth or (whole == tally.depth and rest < tally.depth_rest):
        tally.depth = whole
        tally.depth_rest = rest
