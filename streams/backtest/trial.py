"""One setting, or the best of many, on recorded trades: run, timed, and held against the reference engine."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from schemas.records import Setup
from streams.backtest.engine.cluster import sweep_on
from streams.backtest.engine.data import Flow, Trades, flow_of, numbers_of, prepare
from streams.backtest.engine.fast import run_fast
from streams.backtest.engine.reference import SimulatedOrder, run_reference
from streams.backtest.engine.scale import TooLarge
from streams.backtest.engine.sweep import Summary, sweep
from streams.backtest.performance import Result, profit_per_drawdown, result_of
from streams.trading.rules import is_timed, rules_of
from streams.trading.simulation import AT_ONCE, Execution

FAST, REFERENCE = "fast", "reference"
NET, CYCLES, DRAWDOWN = "net", "cycles", "drawdown"
"""What a sweep looks for the most of: net profit, cycles, or net profit per largest drawdown."""


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
    execution: Execution = AT_ONCE


class Found(NamedTuple):
    """One of the best settings: its index in what was tried, and what it gave on each part of the trades."""

    setting: int
    results: dict[str, Result]


@dataclass(frozen=True)
class Best:
    """The best settings, the best first. `seconds` is the sweep's time; `orders` those of the best, on both engines.

    `values` is the objective of every setting, in the order tried: net profit in 1 / `MONEY`, a count, or net profit
    per drawdown in units of 1e-8, rounded down; None for a profit without any drawdown, which is above all others.
    """

    found: list[Found]
    seconds: float
    orders: int
    values: list[int | None]


def try_settings(trades: Trades, setup: Setup, engine: str = FAST, execution: Execution = AT_ONCE) -> Trial:
    """Run one setting over market trades, on the reference engine if the fast one cannot.

    Raises `ValueError`, which names a field, for settings, prices or an execution that cannot be.
    """
    rules, prices, refused = rules_of(*setup), trades.prices, None
    flow = flow_of(trades, execution, is_timed(rules))
    if engine == FAST:
        try:
            run_fast(prices[:1], rules, _first(flow))  # compiles, where no process before has
            began = time.perf_counter()
            run = run_fast(prices, rules, flow)
            seconds = time.perf_counter() - began
            orders = run.to_list()
            return Trial(orders, result_of(orders, prices, trades.times, setup), FAST, seconds, execution=execution)
        except TooLarge as error:
            refused = str(error)
    began = time.perf_counter()
    orders = run_reference(numbers_of(prices), rules, flow)
    seconds = time.perf_counter() - began
    return Trial(orders, result_of(orders, prices, trades.times, setup), REFERENCE, seconds, refused, execution)


def best_of(
    parts: Mapping[str, Trades],
    tried: Sequence[Setup],
    objective: str,
    top: int,
    execution: Execution = AT_ONCE,
    dask: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Best:
    """Return the `top` settings by `objective` on the first part, and what these give on every part by itself.

    Equals are in the order tried. All have one tick. `progress` is called with the number of settings tried so far.
    They are tried on this machine's cores, or on the cluster whose scheduler is at `dask`. Raises `TooLarge` as the
    fast engine does, `ValueError` as `rules_of` does, `cluster.NoCluster`, and `Disagreement` if the
    engines do not give the same orders and money for the best.
    """
    first = next(iter(parts))
    summary, seconds = _swept(parts[first], tried, execution, objective == DRAWDOWN, dask, progress)
    ranked = _ranked(summary, objective)[:top]
    results = {part: [_checked(trades, tried[at], execution) for at in ranked] for part, trades in parts.items()}
    for rank, at in enumerate(ranked):
        _agree(summary, at, results[first][rank], tried[at])
    orders = sum(_compared(trades, tried[ranked[0]], execution) for trades in parts.values())
    found = [Found(at, {part: rows[rank] for part, rows in results.items()}) for rank, at in enumerate(ranked)]
    return Best(found, seconds, orders, _values(summary, objective))


def _swept(
    trades: Trades,
    tried: Sequence[Setup],
    execution: Execution,
    drawdown: bool,
    dask: str | None,
    progress: Callable[[int], None] | None,
) -> tuple[Summary, float]:
    """Return what each setting gave, and the seconds it took: preparation included, compilation on this machine not."""
    timed = any(setup.settings.minute_limit or setup.settings.loss_limit for setup in tried)
    tick, flow = tried[0].instrument.tick_size, flow_of(trades, execution, timed)
    if dask is None:
        sweep(prepare(trades.prices[:1], tick), tried[:1], flow=_first(flow), drawdown=drawdown)
    began = time.perf_counter()
    prepared = prepare(trades.prices, tick)
    if dask is None:
        summary = sweep(prepared, tried, progress=progress, flow=flow, drawdown=drawdown)
    else:
        summary = sweep_on(dask, prepared, tried, progress=progress, flow=flow, drawdown=drawdown)
    return summary, time.perf_counter() - began


def _first(flow: Flow | None) -> Flow | None:
    """Return the flow of the first trade alone."""
    return None if flow is None else flow._replace(clock=flow.clock[:1], quantities=flow.quantities[:1])


def _values(summary: Summary, objective: str) -> list[int | None]:
    if objective == DRAWDOWN:
        assert summary.max_drawdown is not None
        pairs = zip(summary.net_profit.tolist(), summary.max_drawdown.tolist(), strict=True)
        return [profit_per_drawdown(*pair) for pair in pairs]
    values: list[int | None] = (summary.net_profit if objective == NET else summary.cycles).tolist()
    return values


def _ranked(summary: Summary, objective: str) -> list[int]:
    """Return the indices of the settings, the best first; without a drawdown no net profit is negative, nor limited."""
    net, cycles = summary.net_profit.tolist(), summary.cycles.tolist()
    if objective == DRAWDOWN:
        assert summary.max_drawdown is not None
        falls = summary.max_drawdown.tolist()
        ratio = [Fraction(*pair) if pair[1] else Fraction(0) for pair in zip(net, falls, strict=True)]
        return sorted(range(len(net)), key=lambda at: (bool(falls[at] or not net[at]), -ratio[at], -net[at], at))
    first, second = (net, cycles) if objective == NET else (cycles, net)
    return sorted(range(len(net)), key=lambda at: (-first[at], -second[at], at))


def _checked(trades: Trades, setup: Setup, execution: Execution) -> Result:
    rules = rules_of(*setup)
    run = run_fast(trades.prices, rules, flow_of(trades, execution, is_timed(rules)))
    return result_of(run.to_list(), trades.prices, trades.times, setup)


def _agree(summary: Summary, at: int, result: Result, setup: Setup) -> None:
    """Raise `Disagreement` unless the sweep, which adds up while it runs, comes to what `result_of` made of orders."""
    names = ["orders", "cycles", "realised", "net_profit"]
    names += [] if summary.max_drawdown is None else ["max_drawdown"]
    added = {name: getattr(summary, name)[at] for name in names}
    if added != {name: getattr(result, name) for name in names}:
        raise Disagreement(f"the sweep's sums {added} are not those of its orders, {result}, for {setup}")


def _compared(trades: Trades, setup: Setup, execution: Execution) -> int:
    """Return how many orders both engines give; raise `Disagreement` unless they are equal one by one."""
    rules = rules_of(*setup)
    flow = flow_of(trades, execution, is_timed(rules))
    orders = run_reference(numbers_of(trades.prices), rules, flow)
    if orders != run_fast(trades.prices, rules, flow).to_list():
        raise Disagreement(f"the engines give different orders for {setup}")
    return len(orders)
