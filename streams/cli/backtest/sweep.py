"""`hedgehog backtest sweep`: many settings on recorded trades, the best of them shown."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from streams.cli.backtest.options import (
    Budget,
    Fee,
    Files,
    Latency,
    Limited,
    Name,
    Objective,
    Offsets,
    Report,
    Save,
    SettingsFrom,
    Since,
    Step,
    Symbol,
    Tick,
    Topic,
    Until,
    option,
)
from streams.cli.errors import BadValue, CliError
from streams.cli.output import Json, out


def sweep(
    symbol: Symbol,
    files: Files = None,
    topic: Topic = False,
    since: Since = None,
    until: Until = None,
    offsets: Offsets = None,
    settings_from: SettingsFrom = None,
    tick: Tick = None,
    step: Step = None,
    budget: Budget = None,
    fee: Fee = None,
    chunks: Annotated[str | None, option("--chunks", "VALUES", "5, or 1,3,5, or 1:9:2 with both ends.")] = None,
    buy_down: Annotated[
        str | None, option("--buy-down", "VALUES", "0.001, or 0.001,0.002, or 0.0005:0.003:0.0005 with both ends.")
    ] = None,
    profit: Annotated[str | None, option("--profit", "VALUES", "In the same way.")] = None,
    rebuy: Annotated[str | None, option("--rebuy", "VALUES", "In the same way.")] = None,
    random: Annotated[
        int | None, option("--random", "N", "Draw N settings from the values; START:STOP then needs no step.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="K", help="Of --random.")] = 0,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, max=1_000, help="Show the best so many.")] = 10,
    objective: Annotated[Objective, typer.Option("--objective", help="What is best.")] = Objective.NET,
    train_until: Annotated[
        str | None, option("--train-until", "TIME", "Choose by the trades before; show those after, too.")
    ] = None,
    latency_ms: Latency = None,
    limited_fills: Limited = False,
    dask: Annotated[
        str | None, option("--dask", "HOST:PORT", "Try them on the Dask cluster with this scheduler.")
    ] = None,
    report: Report = None,
    save: Save = False,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Try every combination of the values, or random draws from them, on every core.

    The best is run again on the reference engine, whose orders have to be the same. With --train-until, the trades
    after that time are a run of their own, which begins without an order.
    """
    from streams.backtest.engine.cluster import NoCluster
    from streams.backtest.grid import draws, grid, parse_axis
    from streams.backtest.store import About
    from streams.backtest.trial import Disagreement, best_of
    from streams.cli.backtest.input import checked, parse_filters, parse_source, parse_time, read_trades, settings_of
    from streams.cli.backtest.keep import check_saving, keep, kept_best
    from streams.cli.backtest.rows import best_rows, split, sweep_record
    from streams.cli.backtest_execution import execution_of, execution_row
    from streams.cli.instruments.changes import OPTIONS, parse_values
    from streams.cli.progress import progress_bar

    source = parse_source(files, topic, (since, until), offsets, settings_from)
    values = parse_values({"budget": budget, "fee": fee}) | parse_filters(tick, step)
    execution = execution_of(latency_ms, limited_fills)
    saving = check_saving(save, name)
    (base,) = settings_of([symbol], values, source)
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
    (recording,) = read_trades(source, [base.instrument])
    parts = split(recording, moment)
    out.progress(f"trying {len(tried)} settings on {len(recording)} trades…")
    try:
        with progress_bar("trying", "settings") as told:
            progress = None if told is None else lambda done: told(done, len(tried))
            best = best_of(parts, tried, objective.value, top, execution, dask, progress)
    except (Disagreement, NoCluster) as error:
        raise CliError(str(error)) from None
    except ValueError as error:
        raise BadValue(str(error), hint="hedgehog backtest run --engine reference") from None
    record = sweep_record(recording, parts, tried, best) | {
        **execution_row(execution),
        "objective": objective.value,
        "seed": None if random is None else seed,
    }
    if report is not None:
        from streams.cli.backtest.report import report_sweep

        report_sweep(report, parts, tried, best, objective.value, None if random is None else seed, execution)
    rows = best_rows(tried, best)
    if saving:
        options = {"objective": objective.value, "settings_tried": len(tried), **execution_row(execution)}
        about = About("sweep", name, None if random is None else seed, options)
        record["saved_runs"] = keep(kept_best(parts, tried, best, execution), about)
    if out.json:
        out.record(record | {"best": rows})
        return
    out.record(record)
    columns = _columns(rows[0], {name for name, values in axes.items() if len(values) > 1}, objective)
    out.section(f"The best by {objective.value}", rows, columns, empty="")


def _columns(row: Mapping[str, Any], varied: set[str], objective: Objective) -> list[str]:
    """Of a row of the best, what a table shows."""
    from streams.cli.backtest.rows import SHOWN

    shown = (*SHOWN, "profit_per_drawdown") if objective is Objective.DRAWDOWN else SHOWN
    return [name for name in row if name.endswith(shown) or name in varied or name == "rank"]
