"""One setting, or the best of many, on recorded trades: run, timed, and held against the reference engine."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.records import Settings
from streams.backtest.data import Trades, prepare
from streams.backtest.fast import run_fast
from streams.backtest.money import Result, result_of
from streams.backtest.reference import SimulatedOrder, run_reference
from streams.backtest.scale import TooLarge
from streams.backtest.sweep import Summary, sweep
from streams.trading.rules import rules_of

FAST, REFERENCE = "fast", "reference"
NET, CYCLES = "net", "cycles"


class Disagreement(AssertionError):
    """The engines gave different orders, which is a bug; the message names the settings."""


@dataclass(frozen=True)
class Trial:
    """What one setting gave. `seconds` is the engine's time, preparation included, compilation not."""

    orders: list[SimulatedOrder]
    result: Result
    engine: str
    seconds: float
    refused: str | None = None
    """Why the fast engine did not take the numbers, where it did not."""


class Found(NamedTuple):
    """One of the best settings: its place in what was tried, and what it gave on each part of the trades."""

    place: int
    results: dict[str, Result]


@dataclass(frozen=True)
class Best:
    """The best settings, the best first. `seconds` is the sweep's time; `orders` those of the best, on both engines.

    `values` is the objective of every setting, in the order tried: money in 1 / `MONEY`, or a count.
    """

    found: list[Found]
    seconds: float
    orders: int
    values: list[int]


def try_settings(trades: Trades, settings: Settings, engine: str = FAST) -> Trial:
    """Run one setting over market trades; on the reference engine if the fast one cannot.

    Raises `ValueError`, which names a field, for settings or prices that cannot be.
    """
    rules, prices, refused = rules_of(settings), trades.prices, None
    if engine == FAST:
        try:
            run_fast(prices[:1], rules)  # compiles, where no process before has
            began = time.perf_counter()
            run = run_fast(prices, rules)
            seconds = time.perf_counter() - began
            orders = run.to_list()
            return Trial(orders, result_of(orders, prices, trades.times, settings), FAST, seconds)
        except TooLarge as error:
            refused = str(error)
    numbers = prices.tolist()
    began = time.perf_counter()
    orders = run_reference(numbers, rules)
    seconds = time.perf_counter() - began
    return Trial(orders, result_of(orders, prices, trades.times, settings), REFERENCE, seconds, refused)


def best_of(parts: Mapping[str, Trades], tried: Sequence[Settings], objective: str, top: int) -> Best:
    """The `top` settings by `objective` on the first part, and what these give on every part by itself.

    Equals are in the order tried. All have one tick. Raises `TooLarge` as the fast engine does, `ValueError` as
    `rules_of` does, and `Disagreement` if the engines do not give the same orders and money for the best.
    """
    tick, (first, *_) = tried[0].tick_size, parts
    sweep(prepare(parts[first].prices[:1], tick), tried[:1])  # compiles, where no process before has
    began = time.perf_counter()
    summary = sweep(prepare(parts[first].prices, tick), tried)
    seconds = time.perf_counter() - began
    places = _ranked(summary, objective)[:top]
    results = {part: [_checked(trades, tried[place]) for place in places] for part, trades in parts.items()}
    for row, place in enumerate(places):
        _agree(summary, place, results[first][row], tried[place])
    orders = sum(_compared(trades, tried[places[0]]) for trades in parts.values())
    found = [Found(place, {part: rows[row] for part, rows in results.items()}) for row, place in enumerate(places)]
    return Best(found, seconds, orders, _values(summary, objective))


def _values(summary: Summary, objective: str) -> list[int]:
    values: list[int] = (summary.net_profit if objective == NET else summary.cycles).tolist()
    return values


def _ranked(summary: Summary, objective: str) -> list[int]:
    first, second = _values(summary, objective), _values(summary, CYCLES if objective == NET else NET)
    return sorted(range(len(first)), key=lambda place: (-first[place], -second[place], place))


def _checked(trades: Trades, settings: Settings) -> Result:
    return result_of(run_fast(trades.prices, rules_of(settings)).to_list(), trades.prices, trades.times, settings)


def _agree(summary: Summary, place: int, result: Result, settings: Settings) -> None:
    """The sweep adds up while it runs, `result_of` from the orders: both have to come to the same."""
    added = summary.orders[place], summary.cycles[place], summary.realised[place], summary.net_profit[place]
    if added != (result.orders, result.cycles, result.realised, result.net_profit):
        raise Disagreement(f"the sweep's sums {added} are not those of its orders, {result}, for {settings}")


def _compared(trades: Trades, settings: Settings) -> int:
    """How many orders both engines give; they have to be equal one by one."""
    rules = rules_of(settings)
    orders = run_reference(trades.prices.tolist(), rules)
    if orders != run_fast(trades.prices, rules).to_list():
        raise Disagreement(f"the engines give different orders for {settings}")
    return len(orders)
