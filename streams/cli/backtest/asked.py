"""`hedgehog backtest`: what it can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.backtest.options import (
    Axes,
    Engine,
    Filling,
    Filters,
    Held,
    Keeping,
    Objective,
    Parameters,
    TradesFrom,
)
from streams.cli.command import option

RUN = "The number of a saved run, or its name."


@dataclass(frozen=True, kw_only=True)
class Run:
    """Put the trades of one or more symbols, from files or from the topic, through the strategy.

    With --topic, what is not given comes from the symbol's live settings, unless --tick and --step both are given.
    """

    symbols: Annotated[list[str], option("--symbol", "SYMBOL", "XRPUSDT or binance:XRPUSDT, in any case; repeatable.")]
    trades: TradesFrom
    filters: Filters
    parameters: Parameters
    engine: Annotated[Engine, typer.Option("--engine", help="Both give the same orders.")] = Engine.FAST
    orders: Annotated[
        Path | None,
        option(
            "--orders", "FILE", "Write side,price,quantity,status of each; of several symbols, the instrument first."
        ),
    ] = None
    filling: Filling
    keeping: Keeping


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Try every combination of the values, or random draws from them, on every core.

    The best is run again on the reference engine, whose orders have to be the same. With --train-until, the trades
    after that time are a run of their own, which begins without an order.
    """

    symbol: Annotated[str, option("--symbol", "SYMBOL", "XRPUSDT or binance:XRPUSDT, in any case.")]
    trades: TradesFrom
    filters: Filters
    held: Held
    axes: Axes
    random: Annotated[
        int | None, option("--random", "N", "Draw N settings from the values; START:STOP then needs no step.")
    ] = None
    seed: Annotated[int, typer.Option("--seed", metavar="K", min=-(2**63), max=2**63 - 1, help="Of --random.")] = 0
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, max=1_000, help="Show the best so many.")] = 10
    objective: Annotated[Objective, typer.Option("--objective", help="What is best.")] = Objective.NET
    train_until: Annotated[
        str | None, option("--train-until", "TIME", "Choose by the trades before; show those after, too.")
    ] = None
    filling: Filling
    dask: Annotated[str | None, option("--dask", "HOST:PORT", "Try them on the Dask cluster with this scheduler.")] = (
        None
    )
    keeping: Keeping


@dataclass(frozen=True)
class ListRuns:
    """List the saved runs, the newest last."""

    symbol: Annotated[str | None, option("--symbol", "SYMBOL", "Of this symbol.")] = None
    name: Annotated[str | None, option("--name", "NAME", "Of this name.")] = None
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="The newest so many.")] = 20


@dataclass(frozen=True)
class Show:
    """Show one saved run; with --json its orders and its equity, too. Its settings are what --settings reads."""

    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN, show_default=False)]
    orders: Annotated[Path | None, option("--orders", "FILE", "Write side,price,quantity,status of each.")] = None


@dataclass(frozen=True)
class Compare:
    """Show saved runs side by side, what differs marked: data, code, settings and results."""

    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help=RUN, show_default=False)]
