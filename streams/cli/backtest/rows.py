"""What a backtest shows and writes: exact plain decimals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.parameters import FIELDS, HELD, SWEPT
from schemas.records import FILTERS, Setup
from schemas.times import iso
from schemas.units import plain
from streams.backtest.performance import Result, plain_money
from streams.backtest.trial import Best, Trial
from streams.cli.errors import BadValue, CliError
from streams.cli.instruments.changes import as_row, settings_row
from streams.cli.output import Output
from streams.recordings.recording import Recording
from streams.trading.simulation import Execution

SETTINGS = ("tick_size", "step_size", *FIELDS)
LIMITS = tuple(name for name in FILTERS if name not in SETTINGS)
"""What the exchange demands beside tick and step."""
SHOWN = ("orders", "cycles", "net_profit", "max_drawdown")
"""What a table shows of each result."""
RUNS_SHOWN = (
    *("instrument", "trades", "orders", "cycles", "realised_profit", "fees", "net_profit", "buy_and_hold"),
    "max_drawdown",
)
ORDER_LINE = "side,price,quantity,status"
COUNTS = ("orders", "rejected", "filled", "cycles", "wins", "losses")
MONEYS = {
    "realised_profit": "realised",
    "unrealised_profit": "unrealised",
    "fees": "fees",
    "net_profit": "net_profit",
    "buy_and_hold": "buy_and_hold",
}
"""What can be added up, by the names it is shown and kept under."""

MICROSECOND = 100_000
"""In units of 1e-8 ms."""

RunResult = tuple[Recording, Setup, Trial]


@dataclass(frozen=True)
class Swept:
    """What a sweep tried on which parts of the trades, and the best of it; `seed` where it drew."""

    parts: Mapping[str, Recording]
    tried: Sequence[Setup]
    best: Best
    execution: Execution
    objective: str
    seed: int | None


def run_record(recording: Recording, setup: Setup, trial: Trial, as_json: bool) -> dict[str, Any]:
    """Return everything about one run; its settings as an object in JSON, as one line for people."""
    ran_by = {name: value for name, value in as_row(setup).items() if name in SETTINGS}
    if as_json:
        ran_by |= {name: as_row(setup)[name] for name in LIMITS}
    return {
        **_data(recording),
        **result_row(trial.result),
        **execution_row(trial.execution),
        "engine": trial.engine,
        "engine_seconds": round(trial.seconds, 6),
        "trades_per_s": round(len(recording) / trial.seconds),
        "fingerprint": recording.fingerprint,
        "settings": ran_by if as_json else [f"{name} {value}" for name, value in ran_by.items()],
    }


def result_row(result: Result) -> dict[str, Any]:
    """Return the numbers of a result."""
    return {
        "orders": result.orders,
        "rejected": result.rejected,
        "filled": result.filled,
        "cycles": result.cycles,
        "wins": result.wins,
        "losses": result.losses,
        "win_rate": None if result.win_rate is None else plain(result.win_rate),
        "realised_profit": plain_money(result.realised),
        "unrealised_profit": plain_money(result.unrealised),
        "fees": plain_money(result.fees),
        "open_position": plain(result.position),
        "position_value": plain_money(result.position_value),
        "net_profit": plain_money(result.net_profit),
        "buy_and_hold": plain_money(result.buy_and_hold),
        "max_drawdown": plain_money(result.max_drawdown),
        "profit_per_drawdown": None if result.profit_per_drawdown is None else plain(result.profit_per_drawdown),
        "seconds_in_market": f"{result.time_in_market / 1e6:.6f}",
        "seconds_in_all": f"{result.span / 1e6:.6f}",
        "largest_exposure": plain(result.largest_exposure),
        "average_exposure": plain(result.average_exposure),
    }


def show_runs(runs: Sequence[RunResult], saved: Sequence[int], out: Output) -> None:
    """Show one run in full; of several a table and the sums of each quote asset. `saved` are their numbers, if any."""
    records = [run_record(*run, out.json) for run in runs]
    for record, number in zip(records, saved, strict=False):  # none or all of them are saved
        record["saved_run"] = number
    if len(runs) == 1:
        out.record(records[0])
    elif out.json:
        out.record({"runs": records, "totals": totals(runs)})
    else:
        rows = [*records, *({"instrument": f"total {row['quote_asset']}".rstrip(), **row} for row in totals(runs))]
        out.rows(rows, RUNS_SHOWN)


def totals(runs: Sequence[RunResult]) -> list[dict[str, Any]]:
    """Return the sums over all symbols of a quote asset; drawdowns at different times are no sum."""
    rows = []
    for asset in dict.fromkeys(setup.instrument.quote_asset for _, setup, _ in runs):
        of = [(recording, trial.result) for recording, setup, trial in runs if setup.instrument.quote_asset == asset]
        row: dict[str, Any] = {"quote_asset": asset, "symbols": len(of), "trades": sum(len(each) for each, _ in of)}
        row |= {name: sum(getattr(result, name) for _, result in of) for name in COUNTS}
        row |= {shown: plain_money(sum(getattr(r, name) for _, r in of)) for shown, name in MONEYS.items()}
        rows.append(row)
    return rows


def write_orders(path: Path, runs: Sequence[RunResult]) -> None:
    """Write one line for each order, in the order they were placed; of several symbols, the instrument comes first."""
    several = len(runs) > 1
    lines = [f"instrument,{ORDER_LINE}" if several else ORDER_LINE]
    for recording, _, trial in runs:
        first = f"{recording.instrument}," if several else ""
        lines += [f"{first}{o.side},{plain(o.price)},{plain(o.quantity)},{o.status}" for o in trial.orders]
    write_lines(path, lines)


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Write the file that `--orders` names; `BadValue` if it cannot be written."""
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadValue(f"--orders: {path}: {error.strerror}") from None


def split(recording: Recording, moment: int | None) -> dict[str, Recording]:
    """Return the trades to choose by and, if they are split, those to test on."""
    if moment is None:
        return {"all": recording}
    parts = dict(zip(("train", "test"), recording.split(moment), strict=True))
    for name, part in parts.items():
        if not len(part):
            raise CliError(f"--train-until: {iso(moment)} leaves no trade to {name} on")
    return parts


def sweep_record(recording: Recording, swept: Swept) -> dict[str, Any]:
    """Return what was tried, on what, and how fast."""
    first = next(iter(swept.parts.values()))
    fixed = as_row(swept.tried[0])
    several = {f"{name}_trades": len(part) for name, part in swept.parts.items()} if len(swept.parts) > 1 else {}
    return {
        **_data(recording),
        **several,
        **{name: fixed[name] for name in ("tick_size", "step_size", *HELD)},
        "settings_tried": len(swept.tried),
        "sweep_seconds": round(swept.best.seconds, 6),
        "trades_x_settings_per_s": round(len(first) * len(swept.tried) / swept.best.seconds),
        "best_on_reference_engine": f"the same {swept.best.orders} orders",
        "fingerprint": recording.fingerprint,
        **execution_row(swept.execution),
        "objective": swept.objective,
        "seed": swept.seed,
    }


def execution_row(execution: Execution) -> dict[str, Any]:
    """Return an execution under its options' names."""
    return {"latency_ms": plain(execution.latency_us * MICROSECOND), "limited_fills": execution.limited}


def best_rows(tried: Sequence[Setup], best: Best) -> list[dict[str, Any]]:
    """Return a row for each of the best settings: what they are, and their results on each part of the trades."""
    rows = []
    for rank, found in enumerate(best.found, start=1):
        settings = settings_row(tried[found.setting].settings)
        row: dict[str, Any] = {"rank": rank}
        row |= {name: settings[name] for name in SWEPT}
        for part, result in found.results.items():
            prefix = f"{part}_" if len(found.results) > 1 else ""
            row |= {f"{prefix}{name}": value for name, value in result_row(result).items()}
        rows.append(row)
    return rows


def _data(recording: Recording) -> dict[str, Any]:
    left_out = {"unreadable_records": recording.unreadable, "repeated_trades": recording.repeated}
    return {
        "instrument": recording.instrument,
        "source": recording.source,
        "trades": len(recording),
        **{name: count for name, count in left_out.items() if count},
        "first_trade": iso(int(recording.times[0])),
        "last_trade": iso(int(recording.times[-1])),
    }
