"""`hedgehog backtest run`: one setting on recorded trades."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import sys
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.backtest_options import FILE_HELP, Budget, Engine, Fee, Since, Step, Symbol, Tick, Until, option
from streams.cli.errors import BadValue
from streams.cli.output import Json, out


def run(
    symbol: Symbol,
    file: Annotated[Path | None, option("--file", "FILE", FILE_HELP)] = None,
    topic: Annotated[
        bool, typer.Option("--topic", help="The topic of trades; --from and --to are when they were written to it.")
    ] = False,
    since: Since = None,
    until: Until = None,
    tick: Tick = None,
    step: Step = None,
    chunks: Annotated[str | None, option("--chunks", "NUMBER", "Most traders at a time, 1 to 1000.")] = None,
    budget: Budget = None,
    buy_down: Annotated[
        str | None, option("--buy-down", "NUMBER", "How far below the price to buy, as a fraction.")
    ] = None,
    profit: Annotated[
        str | None, option("--profit", "NUMBER", "Profit after fees at which to sell, as a fraction.")
    ] = None,
    rebuy: Annotated[
        str | None, option("--rebuy", "NUMBER", "Fall below a placed buy that starts one more trader.")
    ] = None,
    fee: Fee = None,
    engine: Annotated[Engine, typer.Option("--engine", help="Both give the same orders.")] = Engine.FAST,
    orders: Annotated[Path | None, option("--orders", "FILE", "Write side,price,quantity,status of each.")] = None,
    as_json: Json = False,
) -> None:
    """Run the trades of one symbol, from a file or from the topic, through the strategy.

    With --topic, what is not given comes from the symbol's live settings, unless --tick and --step both are given.
    """
    from streams.backtest.trial import try_settings
    from streams.cli.backtest_input import parse_filters, parse_times, read_file, read_topic, typed_settings
    from streams.cli.backtest_rows import run_record, write_orders
    from streams.cli.changes import OPTIONS, parse_values

    typed = dict(zip(OPTIONS, (chunks, budget, buy_down, profit, rebuy, fee), strict=True))
    values = parse_values(typed) | parse_filters(tick, step)
    between = parse_times(since, until)
    if file is not None and topic:
        raise BadValue(f"--file {file} or --topic, not both")
    if topic:
        settings, recording = read_topic(symbol, values, between)
    elif file is not None:
        settings = typed_settings(symbol, values)
        recording = read_file(file, settings.instrument, between)
    else:
        raise BadValue("no trades to run on", hint="--file FILE or --topic")
    trial = try_settings(recording, settings, engine.value)
    if trial.refused is not None:
        print(f"the reference engine is used: {trial.refused}", file=sys.stderr)
    if orders is not None:
        write_orders(orders, trial.orders)
    out.record(run_record(recording, settings, trial))
