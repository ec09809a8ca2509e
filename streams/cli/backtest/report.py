"""`--report` of `hedgehog backtest`: the HTML file, and where it is."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from streams.backtest.report import About, Page, Run, objective_named, run_page, sweep_page, write_page
from streams.backtest.report.figures import duration
from streams.backtest.trial import try_settings
from streams.backtest.version import code_version
from streams.cli.backtest.rows import RunResult, Swept
from streams.cli.errors import BadValue
from streams.trading.simulation import Execution


def report_runs(path: Path, runs: Sequence[RunResult], execution: Execution) -> None:
    """Write the report of some runs; `BadValue` names a file that cannot be written."""
    _write(path, run_page([Run(*run) for run in runs], _about(execution)))


def report_sweep(path: Path, swept: Swept) -> None:
    """Run the best settings on each part once more, and write the report of the sweep."""
    first = swept.tried[swept.best.found[0].setting]
    trials = {name: try_settings(part, first, execution=swept.execution) for name, part in swept.parts.items()}
    about = _about(swept.execution, swept.seed)
    objective = objective_named(swept.objective)
    _write(path, sweep_page(swept.parts, swept.tried, swept.best, objective, trials, about))


def _about(execution: Execution, seed: int | None = None) -> About:
    options = {
        "Order latency": duration(execution.latency_us) if execution.latency_us else "none",
        "Fills": "limited by the traded quantity" if execution.limited else "the whole order at once",
    }
    return About(code_version(), time.time_ns() // 1_000, seed, options)


def _write(path: Path, page: Page) -> None:
    try:
        write_page(path, page)
    except OSError as error:
        raise BadValue(f"--report: {path}: {error.strerror}") from None
    print(f"report: {path.resolve()}", file=sys.stderr)
