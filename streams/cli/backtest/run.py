"""`hedgehog backtest run`: one setting of each symbol on recorded trades."""

import sys
from collections.abc import Sequence

from streams.backtest.trial import try_settings
from streams.cli.backtest.asked import Run
from streams.cli.backtest.input import execution_of, parse_filters, parse_source, read_trades, setups_of
from streams.cli.backtest.options import Keeping
from streams.cli.backtest.rows import RunResult, execution_row, show_runs, write_orders
from streams.cli.instruments.changes import parse_values
from streams.cli.instruments.coarse import tell
from streams.cli.output import Output
from streams.cli.writable import check_writable
from streams.trading.simulation import Execution


def run(asked: Run, out: Output) -> None:
    """Run each symbol's settings, write and save what was asked for, and show the results."""
    values, filters = parse_values(asked.parameters), parse_filters(asked.filters)
    source = parse_source(asked.trades)
    execution = execution_of(asked.filling)
    check_writable(("--orders", asked.orders), ("--report", asked.keeping.report))
    saving = _checks_saving(asked.keeping)
    wanted = setups_of(asked.symbols, filters, values, source)
    recordings = read_trades(source, [setup.key for setup in wanted], out)
    out.progress(f"running on {sum(map(len, recordings))} trades…")
    runs = [
        (recording, setup, try_settings(recording, setup, asked.engine.value, execution))
        for recording, setup in zip(recordings, wanted, strict=True)
    ]
    _say_where_the_reference_ran(runs)
    tell(((setup, recording.lowest) for recording, setup, _ in runs), out)
    if asked.orders is not None:
        write_orders(asked.orders, runs)
    if asked.keeping.report is not None:
        from streams.cli.backtest.report import report_runs  # noqa: PLC0415 -- as below

        report_runs(asked.keeping.report, runs, execution)
    show_runs(runs, _saved(runs, asked, execution, out) if saving else [], out)


def _say_where_the_reference_ran(runs: Sequence[RunResult]) -> None:
    for recording, _, trial in runs:
        if trial.refused is not None:
            print(f"{recording.instrument}: the reference engine is used: {trial.refused}", file=sys.stderr)


def _checks_saving(asked: Keeping) -> bool:
    if not asked.save and asked.name is None:
        return False
    from streams.cli.backtest.keep import check_saving  # noqa: PLC0415 -- SQLAlchemy takes its time, most do not save

    return check_saving(asked)


def _saved(runs: Sequence[RunResult], asked: Run, execution: Execution, out: Output) -> list[int]:
    from streams.backtest.store import About, Kept  # noqa: PLC0415 -- as above
    from streams.cli.backtest.keep import keep  # noqa: PLC0415 -- as above

    about = About("run", asked.keeping.name, options=execution_row(execution))
    return keep([Kept(*each) for each in runs], about, out)
