"""One setting, or the best of many, on recorded trades: run, timed, and held against the reference engine."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.records import Settings
from streams.backtest.data import Prices, prepare
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
    """The best settings, the best first. `seconds` is the sweep's time; `orders` those of the best, on both engines."""

    found: list[Found]
    seconds: float
    orders: int


def try_settings(prices: Prices, settings: Settings, engine: str = FAST) -> Trial:
    """Run one setting over market prices (int64, 1e-8); on the reference engine if the fast one cannot.

    Raises `ValueError`, which names a field, for settings or prices that cannot be.
    """
    rules, refused = rules_of(settings), None
    if engine == FAST:
        try:
            run_fast(prices[:1], rules)  # compiles, where no process before has
            began = time.perf_counter()
            run = run_fast(prices, rules)
            seconds = time.perf_counter() - began
            orders = run.to_list()
            return Trial(orders, result_of(orders, prices, settings), FAST, seconds)
        except TooLarge as error:
            refused = str(error)
    numbers = prices.tolist()
    began = time.perf_counter()
    orders = run_reference(numbers, rules)
    seconds = time.perf_counter() - began
    return Trial(orders, result_of(orders, prices, settings), REFERENCE, seconds, refused)


def best_of(parts: Mapping[str, Prices], tried: Sequence[Settings], objective: str, top: int) -> Best:
    """The `top` settings by `objective` on the first part, and what these give on every part by itself.

    Equals are in the order tried. All have one tick. Raises `TooLarge` as the fast engine does, `ValueError` as
    `rules_of` does, and `Disagreement` if the engines do not give the same orders and money for the best.
    """
    tick, (first, *_) = tried[0].tick_size, parts
    sweep(prepare(parts[first][:1], tick), tried[:1])  # compiles, where no process before has
    began = time.perf_counter()
    summary = sweep(prepare(parts[first], tick), tried)
    seconds = time.perf_counter() - began
    places = _ranked(summary, objective)[:top]
    results = {part: [_checked(prices, tried[place]) for place in places] for part, prices in parts.items()}
    for row, place in enumerate(places):
        _agree(summary, place, results[first][row], tried[place])
    orders = sum(_compared(prices, tried[places[0]]) for prices in parts.values())
    found = [Found(place, {part: rows[row] for part, rows in results.items()}) for row, place in enumerate(places)]
    return Best(found, seconds, orders)


def _ranked(summary: Summary, objective: str) -> list[int]:
    net, cycles = summary.net_profit.tolist(), summary.cycles.tolist()
    first, second = (net, cycles) if objective == NET else (cycles, net)
    return sorted(range(len(net)), key=lambda place: (-first[place], -second[place], place))


def _checked(prices: Prices, settings: Settings) -> Result:
    return result_of(run_fast(prices, rules_of(settings)).to_list(), prices, settings)


def _agree(summary: Summary, place: int, result: Result, settings: Settings) -> None:
    """The sweep adds up while it runs, `result_of` from the orders: both have to come to the same."""
    added = summary.orders[place], summary.cycles[place], summary.realised[place], summary.net_profit[place]
    if added != (result.orders, result.cycles, result.realised, result.net_profit):
        raise Disagreement(f"the sweep's sums {added} are not those of its orders, {result}, for {settings}")


def _compared(prices: Prices, settings: Settings) -> int:
    """How many orders both engines give; they have to be equal one by one."""
    rules = rules_of(settings)
    orders = run_reference(prices.tolist(), rules)
    if orders != run_fast(prices, rules).to_list():
        raise Disagreement(f"the engines give different orders for {settings}")
    return len(orders)
