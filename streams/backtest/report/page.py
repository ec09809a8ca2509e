"""Everything a report says, as plain data, apart from how it looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.records import Setup
from schemas.times import iso
from streams.backtest.performance import Result, plain_money
from streams.backtest.report.curves import Marks, Series, curves_of, marks_of
from streams.backtest.report.cycles import cycles_of
from streams.backtest.report.figures import NAMES, duration, figures_of, setting_texts, value_of
from streams.backtest.report.heat import HeatMap, Objective, heat_map
from streams.backtest.trial import Best, Trial
from streams.recordings.recording import Recording

POINTS = 3_000
"""The most points of a curve."""
MARKS_MAX = 10_000
"""The most marks of one side, of all runs of a page together."""
CYCLES_MAX = 10_000
"""The most rows of cycles, of all runs of a page together."""


class Run(NamedTuple):
    """One setting on one recording; `name` is its heading, where the instrument alone would not tell it."""

    recording: Recording
    setup: Setup
    trial: Trial
    name: str = ""


@dataclass(frozen=True)
class About:
    """Where a report comes from; `generated` in µs since the epoch, `seed` of random draws if there were any.

    `options` are further things that decided the run, by name, as they are shown.
    """

    code_version: str
    generated: int
    seed: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class RunView(NamedTuple):
    """One run: what is shown of it, and in `data` what its charts and its table of cycles read."""

    title: str
    period: str
    headline: dict[str, str]
    figures: dict[str, str]
    settings: dict[str, str]
    facts: dict[str, str]
    notes: list[str]
    data: dict[str, Any]


class SweepView(NamedTuple):
    """What was tried, the best with their results on each part, and the map of all."""

    facts: dict[str, str]
    objective: str
    parts: list[str]
    settings: list[str]
    columns: list[str]
    rows: list[list[str]]
    map: HeatMap | None


class Page(NamedTuple):
    """A whole report."""

    kind: str
    title: str
    sweep: SweepView | None
    runs: list[RunView]
    facts: dict[str, str]


def run_page(runs: Sequence[Run], about: About) -> Page:
    """Return the report of one or more runs."""
    title = ", ".join(dict.fromkeys(run.recording.instrument for run in runs))
    return Page("Backtest", title, None, _views(runs), _origin(about))


def sweep_page(
    parts: Mapping[str, Recording],
    tried: Sequence[Setup],
    best: Best,
    objective: Objective,
    trials: Mapping[str, Trial],
    about: About,
) -> Page:
    """Return the report of a sweep over the parts of a recording, with the best settings' trial on each of them."""
    first = tried[best.found[0].setting]
    suffix = {name: f" ({name})" if len(parts) > 1 else "" for name in parts}
    runs = [
        Run(part, first, trials[name], f"The best on {name}" if len(parts) > 1 else "The best")
        for name, part in parts.items()
    ]
    rows = []
    for rank, found in enumerate(best.found, start=1):
        texts = setting_texts(tried[found.setting], _varied(tried))
        rows.append(
            [f"{rank}", *texts.values(), *(text for part in parts for text in _shown(found.results[part]).values())]
        )
    view = SweepView(
        facts={
            "Settings tried": f"{len(tried):,}",
            "Looked for the most": objective.name,
            **{f"Trades{suffix[name]}": f"{len(part):,}" for name, part in parts.items()},
            **{f"Buy and hold{suffix[name]}": plain_money(trial.result.buy_and_hold) for name, trial in trials.items()},
            "Time": f"{best.seconds:.3g} s",
            "Checked": f"the best on the reference engine: the same {best.orders:,} orders",
        },
        objective=objective.name,
        parts=list(parts) if len(parts) > 1 else [],
        settings=["rank", *(NAMES[name] for name in _varied(tried))],
        columns=list(_shown(trials[next(iter(parts))].result)),
        rows=rows,
        map=heat_map(tried, best.values, objective, best.found[0].setting),
    )
    return Page("Sweep", first.key, view, _views(runs), _origin(about))


def _varied(tried: Sequence[Setup]) -> list[str]:
    return [name for name in NAMES if len({value_of(each, name) for each in tried}) > 1]


def _shown(result: Result) -> dict[str, str]:
    return {
        "net profit": plain_money(result.net_profit),
        "drawdown": plain_money(result.max_drawdown),
        "cycles": f"{result.cycles:,}",
        "orders": f"{result.orders:,}",
    }


def _origin(about: About) -> dict[str, str]:
    seed = {} if about.seed is None else {"Seed": f"{about.seed}"}
    return {"Code version": about.code_version, **seed, **about.options, "Generated": iso(about.generated)}


def _views(runs: Sequence[Run]) -> list[RunView]:
    return [_view(run, f"run-{i}", len(runs)) for i, run in enumerate(runs, start=1)]


def _view(run: Run, name: str, runs: int) -> RunView:
    recording, setup, trial, title = run
    first, last = recording.period
    quote = f", {setup.instrument.quote_asset}" if setup.instrument.quote_asset else ""
    marks = {
        "buys": marks_of(trial.orders, "BUY", recording.times, MARKS_MAX // runs),
        "sells": marks_of(trial.orders, "SELL", recording.times, MARKS_MAX // runs),
    }
    curves = curves_of(trial.orders, recording.prices, recording.times, setup, POINTS)
    cycles = cycles_of(trial.orders, recording.times, setup.settings, CYCLES_MAX // runs)
    notes = _left_out(marks, len(cycles.rows), cycles.of)
    if trial.refused is not None:
        notes.append(f"The reference engine ran it: {trial.refused}")
    if recording.unreadable:
        notes.append(f"{recording.unreadable:,} records were no trades and are left out.")
    if recording.repeated:
        notes.append(f"{recording.repeated:,} trades came twice or late and are left out.")
    series: dict[str, Series] = curves._asdict() | {side: each.series for side, each in marks.items()}
    return RunView(
        title=title or ("Result" if runs == 1 else recording.instrument),
        period=f"{iso(first)} to {iso(last)}, {duration(last - first)}",
        headline={
            f"Net profit{quote}": plain_money(trial.result.net_profit),
            f"Buy and hold{quote}": plain_money(trial.result.buy_and_hold),
        },
        figures=figures_of(trial.result, setup.settings),
        settings=setting_texts(setup),
        facts={
            "Instrument": recording.instrument,
            "Trades": f"{len(recording):,}",
            "From": recording.source,
            "Data fingerprint": recording.fingerprint,
            "Engine": f"{trial.engine}, {len(recording) / trial.seconds:,.0f} trades/s",
        },
        notes=notes,
        data={
            "id": name,
            "start": int(recording.times[0]) // 1_000,
            "series": {key: each._asdict() for key, each in series.items()},
            "cycles": [list(row) for row in cycles.rows],
        },
    )


def _left_out(marks: Mapping[str, Marks], rows: int, cycles: int) -> list[str]:
    notes = [
        f"The chart shows {len(each.series.t):,} of {each.of:,} {side}, evenly chosen."
        for side, each in marks.items()
        if len(each.series.t) < each.of
    ]
    return [*notes, f"The table has the first {rows:,} of {cycles:,} cycles."] if rows < cycles else notes
