"""`hedgehog backtest run`: one setting of each symbol on recorded trades."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import sys
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.backtest.options import (
    Budget,
    Engine,
    Fee,
    Files,
    Latency,
    Limited,
    Name,
    Offsets,
    Report,
    Save,
    SettingsFrom,
    Since,
    Step,
    Symbols,
    Tick,
    Topic,
    Until,
    option,
)
from streams.cli.output import Json


def run(
    symbols: Symbols,
    files: Files = None,
    topic: Topic = False,
    since: Since = None,
    until: Until = None,
    offsets: Offsets = None,
    settings_from: SettingsFrom = None,
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
    orders: Annotated[
        Path | None,
        option(
            "--orders", "FILE", "Write side,price,quantity,status of each; of several symbols, the instrument first."
        ),
    ] = None,
    latency_ms: Latency = None,
    limited_fills: Limited = False,
    report: Report = None,
    save: Save = False,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Put the trades of one or more symbols, from files or from the topic, through the strategy.

    With --topic, what is not given comes from the symbol's live settings, unless --tick and --step both are given.
    """
    from streams.backtest.store import About, Kept
    from streams.backtest.trial import try_settings
    from streams.cli.backtest.input import parse_filters, parse_source, read_trades, settings_of
    from streams.cli.backtest.keep import check_saving, keep
    from streams.cli.backtest.rows import show_runs, write_orders
    from streams.cli.backtest_execution import execution_of, execution_row
    from streams.cli.instruments.changes import OPTIONS, parse_values

    typed = dict(zip(OPTIONS, (chunks, budget, buy_down, profit, rebuy, fee), strict=True))
    values = parse_values(typed) | parse_filters(tick, step)
    source = parse_source(files, topic, (since, until), offsets, settings_from)
    execution = execution_of(latency_ms, limited_fills)
    saving = check_saving(save, name)
    wanted = settings_of(symbols, values, source)
    recordings = read_trades(source, [settings.instrument for settings in wanted])
    runs = [
        (recording, settings, try_settings(recording, settings, engine.value, execution))
        for recording, settings in zip(recordings, wanted, strict=True)
    ]
    for recording, _, trial in runs:
        if trial.refused is not None:
            print(f"{recording.instrument}: the reference engine is used: {trial.refused}", file=sys.stderr)
    if orders is not None:
        write_orders(orders, runs)
    if report is not None:
        from streams.cli.backtest.report import report_runs

        report_runs(report, runs, execution)
    saved = keep([Kept(*run) for run in runs], About("run", name, options=execution_row(execution))) if saving else []
    show_runs(runs, saved)
