"""`hedgehog backtest sweep`: many settings on recorded trades, the best of them shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.records import Setup
from streams.backtest import grid
from streams.backtest.engine.cluster import NoCluster
from streams.backtest.store import About
from streams.backtest.trial import Disagreement, best_of
from streams.cli.backtest.asked import Sweep
from streams.cli.backtest.input import checked, execution_of, parse_filters, parse_source, read_trades, setups_of
from streams.cli.backtest.keep import check_saving, keep, kept_best
from streams.cli.backtest.options import Objective
from streams.cli.backtest.report import report_sweep
from streams.cli.backtest.rows import SHOWN, Swept, best_rows, execution_row, split, sweep_record
from streams.cli.errors import BadValue, CliError
from streams.cli.instruments.changes import parse_values
from streams.cli.instruments.coarse import tell
from streams.cli.output import Output
from streams.cli.times import parse_time
from streams.cli.writable import check_writable
from streams.recordings.recording import Recording
from streams.trading.simulation import Execution


def sweep(asked: Sweep, out: Output) -> None:
    """Try the settings, write and save what was asked for, and show the best."""
    source = parse_source(asked.trades)
    values, filters = parse_values(asked.held), parse_filters(asked.filters)
    execution = execution_of(asked.filling)
    check_writable(("--report", asked.keeping.report))
    saving = check_saving(asked.keeping)
    (base,) = setups_of([asked.symbol], filters, values, source)
    moment = None if asked.train_until is None else parse_time("--train-until", asked.train_until)
    axes = _axes(asked, base)
    tried = _setups(asked, base, axes)
    (recording,) = read_trades(source, [base.key], out)
    tell([(min(tried, key=lambda setup: setup.settings.profit_interval), recording.lowest)], out)
    swept = _swept(asked, split(recording, moment), tried, execution, out)
    if asked.keeping.report is not None:
        report_sweep(asked.keeping.report, swept)
    record = sweep_record(recording, swept)
    if saving:
        record["saved_runs"] = _saved(asked, swept, out)
    _show(swept, record, {name for name, values in axes.items() if len(values) > 1}, out)


def _axes(asked: Sweep, base: Setup) -> grid.Axes:
    """Return the values to try of each parameter: those typed, else that of `base`."""
    try:
        return {
            field: (getattr(base.settings, field),)
            if text is None
            else grid.parse_axis(field, text, asked.random is not None)
            for field, text in asked.axes.items()
        }
    except ValueError as error:
        raise BadValue(str(error)) from None


def _setups(asked: Sweep, base: Setup, axes: grid.Axes) -> list[Setup]:
    """Return the settings to try; `BadValue` where one of them cannot be."""
    try:
        tried = grid.grid(base, axes) if asked.random is None else grid.draws(base, axes, asked.random, asked.seed)
    except ValueError as error:
        raise BadValue(str(error)) from None
    return [checked(setup) for setup in tried]


def _swept(
    asked: Sweep, parts: Mapping[str, Recording], tried: Sequence[Setup], execution: Execution, out: Output
) -> Swept:
    """Try the settings on the first part of the trades, and the best of them on each."""
    trades = sum(map(len, parts.values()))
    out.progress(f"trying {len(tried)} settings on {trades} trades…")
    try:
        with out.progress_bar("trying", "settings") as bar:
            progress = None if bar is None else lambda done: bar(done, len(tried))
            if bar is not None:
                bar(0, len(tried))
            best = best_of(parts, tried, asked.objective.value, asked.top, execution, asked.dask, progress)
    except (Disagreement, NoCluster) as error:
        raise CliError(str(error)) from None
    except ValueError as error:
        raise BadValue(str(error), hint="hedgehog backtest run --engine reference") from None
    seed = None if asked.random is None else asked.seed
    return Swept(parts, tried, best, execution, asked.objective.value, seed)


def _saved(asked: Sweep, swept: Swept, out: Output) -> list[int]:
    options = {
        "objective": swept.objective,
        "settings_tried": len(swept.tried),
        **execution_row(swept.execution),
    }
    return keep(kept_best(swept), About("sweep", asked.keeping.name, swept.seed, options), out)


def _show(swept: Swept, record: dict[str, Any], varied: set[str], out: Output) -> None:
    rows = best_rows(swept.tried, swept.best)
    if out.json:
        out.record(record | {"best": rows})
        return
    out.record(record)
    shown = (*SHOWN, "profit_per_drawdown") if swept.objective == Objective.DRAWDOWN else SHOWN
    columns = [name for name in rows[0] if name.endswith(shown) or name in varied or name == "rank"]
    out.section(f"The best by {swept.objective}", rows, columns, empty="")
