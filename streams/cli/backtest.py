"""`hedgehog backtest`: what some settings would have done on recorded trades."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from streams.cli.errors import BadValue, CliError
from streams.cli.output import Json, out

app = typer.Typer(help="What settings would have done on recorded trades: run, sweep.", no_args_is_help=True)


class Engine(StrEnum):
    """Both give the same orders."""

    FAST = "fast"
    REFERENCE = "reference"


class Objective(StrEnum):
    """What a sweep looks for the most of."""

    NET = "net"
    CYCLES = "cycles"


def _option(option: str, metavar: str, text: str) -> Any:
    return typer.Option(option, metavar=metavar, help=text, show_default=False)


FILE_HELP = "Recorded trades: .csv, .csv.gz or .zip."
Symbol = Annotated[str, _option("--symbol", "SYMBOL", "XRPUSDT or binance:XRPUSDT, in any case.")]
Since = Annotated[str | None, _option("--from", "TIME", "From this ISO 8601 time on, UTC.")]
Until = Annotated[str | None, _option("--to", "TIME", "Before this ISO 8601 time, UTC.")]
Tick = Annotated[str | None, _option("--tick", "NUMBER", "Smallest step of a price.")]
Step = Annotated[str | None, _option("--step", "NUMBER", "Smallest step of a quantity.")]
Budget = Annotated[str | None, _option("--budget", "NUMBER", "Quote asset for all chunks together.")]
Fee = Annotated[str | None, _option("--fee", "NUMBER", "Commission of one order, as a fraction.")]


@app.command()
def run(
    symbol: Symbol,
    file: Annotated[Path | None, _option("--file", "FILE", FILE_HELP)] = None,
    topic: Annotated[
        bool, typer.Option("--topic", help="The topic of trades; --from and --to are when they were written to it.")
    ] = False,
    since: Since = None,
    until: Until = None,
    tick: Tick = None,
    step: Step = None,
    chunks: Annotated[str | None, _option("--chunks", "NUMBER", "Most traders at a time, 1 to 1000.")] = None,
    budget: Budget = None,
    buy_down: Annotated[
        str | None, _option("--buy-down", "NUMBER", "How far below the price to buy, as a fraction.")
    ] = None,
    profit: Annotated[
        str | None, _option("--profit", "NUMBER", "Profit after fees at which to sell, as a fraction.")
    ] = None,
    rebuy: Annotated[
        str | None, _option("--rebuy", "NUMBER", "Fall below a placed buy that starts one more trader.")
    ] = None,
    fee: Fee = None,
    engine: Annotated[Engine, typer.Option("--engine", help="Both give the same orders.")] = Engine.FAST,
    orders: Annotated[Path | None, _option("--orders", "FILE", "Write side,price,quantity,status of each.")] = None,
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
    trial = try_settings(recording.prices, settings, engine.value)
    if trial.refused is not None:
        print(f"the reference engine is used: {trial.refused}", file=sys.stderr)
    if orders is not None:
        write_orders(orders, trial.orders)
    out.record(run_record(recording, settings, trial))


@app.command()
def sweep(
    file: Annotated[Path, _option("--file", "FILE", FILE_HELP)],
    symbol: Symbol,
    since: Since = None,
    until: Until = None,
    tick: Tick = None,
    step: Step = None,
    budget: Budget = None,
    fee: Fee = None,
    chunks: Annotated[str | None, _option("--chunks", "VALUES", "5, or 1,3,5, or 1:9:2 with both ends.")] = None,
    buy_down: Annotated[
        str | None, _option("--buy-down", "VALUES", "0.001, or 0.001,0.002, or 0.0005:0.003:0.0005 with both ends.")
    ] = None,
    profit: Annotated[str | None, _option("--profit", "VALUES", "In the same way.")] = None,
    rebuy: Annotated[str | None, _option("--rebuy", "VALUES", "In the same way.")] = None,
    random: Annotated[
        int | None, _option("--random", "N", "Draw N settings from the values; START:STOP then needs no step.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="K", help="Of --random.")] = 0,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, max=1_000, help="Show the best so many.")] = 10,
    objective: Annotated[Objective, typer.Option("--objective", help="What is best.")] = Objective.NET,
    train_until: Annotated[
        str | None, _option("--train-until", "TIME", "Choose by the trades before; show those after, too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Try every combination of the values, or random draws from them, on every core.

    The best is run again on the reference engine, whose orders have to be the same. With --train-until, the trades
    after that time are a run of their own, which begins without an order.
    """
    from streams.backtest.grid import draws, grid, parse_axis
    from streams.backtest.trial import Disagreement, best_of
    from streams.cli.backtest_input import checked, parse_filters, parse_time, parse_times, read_file, typed_settings
    from streams.cli.backtest_rows import SHOWN, best_rows, split, sweep_record
    from streams.cli.changes import OPTIONS, parse_values

    base = typed_settings(symbol, parse_values({"budget": budget, "fee": fee}) | parse_filters(tick, step))
    between = parse_times(since, until)
    moment = None if train_until is None else parse_time("--train-until", train_until)
    typed = {"chunks": chunks, "buy_down_interval": buy_down, "profit_interval": profit, "rebuy_interval": rebuy}
    try:
        axes = {
            name: (getattr(base, name),) if text is None else parse_axis(name, OPTIONS[name], text, random is not None)
            for name, text in typed.items()
        }
        tried = grid(base, axes) if random is None else draws(base, axes, random, seed)
    except ValueError as error:
        raise BadValue(str(error)) from None
    for settings in tried:
        checked(settings)
    recording = read_file(file, base.instrument, between)
    parts = split(recording, moment)
    out.progress(f"trying {len(tried)} settings on {len(recording)} trades…")
    try:
        best = best_of({name: part.prices for name, part in parts.items()}, tried, objective.value, top)
    except Disagreement as error:
        raise CliError(str(error)) from None
    except ValueError as error:
        raise BadValue(str(error), hint="hedgehog backtest run --engine reference") from None
    record = sweep_record(recording, parts, tried, best) | {
        "objective": objective.value,
        "seed": None if random is None else seed,
    }
    rows = best_rows(tried, best)
    if out.json:
        out.record(record | {"best": rows})
        return
    out.record(record)
    columns = [name for name in rows[0] if name.endswith(SHOWN) or len(axes.get(name, ())) > 1 or name == "rank"]
    out.section(f"The best by {objective.value}", rows, columns, empty="")
