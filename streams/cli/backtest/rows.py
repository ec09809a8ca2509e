"""What a backtest shows and writes: exact plain decimals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.records import Settings
from schemas.times import iso
from schemas.units import plain
from streams.backtest.performance import Result, plain_money
from streams.backtest.trial import Best, Trial
from streams.cli.backtest_execution import execution_row
from streams.cli.errors import BadValue, CliError
from streams.cli.instruments.changes import as_row
from streams.cli.output import out
from streams.recordings.recording import Recording

SETTINGS = (
    *("tick_size", "step_size", "chunks", "budget"),
    *("buy_down_interval", "profit_interval", "rebuy_interval", "fee"),
)
FILTERS = ("min_price", "max_price", "min_quantity", "max_quantity", "min_notional")
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

Run = tuple[Recording, Settings, Trial]


def run_record(recording: Recording, settings: Settings, trial: Trial) -> dict[str, Any]:
    """Everything about one run; its settings as an object in JSON, as one line for people."""
    ran_by = {name: value for name, value in as_row(settings).items() if name in SETTINGS}
    if out.json:
        ran_by |= {name: as_row(settings)[name] for name in FILTERS}
    return {
        **_data(recording),
        **result_row(trial.result),
        **execution_row(trial.execution),
        "engine": trial.engine,
        "engine_seconds": round(trial.seconds, 6),
        "trades_per_s": round(len(recording) / trial.seconds),
        "fingerprint": recording.fingerprint,
        "settings": ran_by if out.json else [f"{name} {value}" for name, value in ran_by.items()],
    }


def result_row(result: Result) -> dict[str, Any]:
    """The numbers of a result."""
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


def show_runs(runs: Sequence[Run], saved: Sequence[int]) -> None:
    """One run in full; of several a table, with the sums of each quote asset, or both as JSON; where it was saved."""
    records = [run_record(*run) for run in runs]
    for record, number in zip(records, saved, strict=False):  # none or all of them are saved
        record["saved_run"] = number
    if len(runs) == 1:
        out.record(records[0])
    elif out.json:
        out.record({"runs": records, "totals": totals(runs)})
    else:
        rows = [*records, *({"instrument": f"total {row['quote_asset']}".rstrip(), **row} for row in totals(runs))]
        out.rows(rows, RUNS_SHOWN)


def totals(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The sums over all symbols of a quote asset; drawdowns at different times are no sum."""
    rows = []
    for asset in dict.fromkeys(settings.quote_asset for _, settings, _ in runs):
        of = [(recording, trial.result) for recording, settings, trial in runs if settings.quote_asset == asset]
        row: dict[str, Any] = {"quote_asset": asset, "symbols": len(of), "trades": sum(len(each) for each, _ in of)}
        row |= {name: sum(getattr(result, name) for _, result in of) for name in COUNTS}
        row |= {shown: plain_money(sum(getattr(r, name) for _, r in of)) for shown, name in MONEYS.items()}
        rows.append(row)
    return rows


def write_orders(path: Path, runs: Sequence[Run]) -> None:
    """One line for each order, in the order they were placed; of several symbols, the instrument comes first."""
    several = len(runs) > 1
    lines = [f"instrument,{ORDER_LINE}" if several else ORDER_LINE]
    for recording, _, trial in runs:
        first = f"{recording.instrument}," if several else ""
        lines += [f"{first}{o.side},{plain(o.price)},{plain(o.quantity)},{o.status}" for o in trial.orders]
    write_lines(path, lines)


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """The file that `--orders` names; `BadValue` if it cannot be written."""
    try:
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
    except OSError as error:
        raise BadValue(f"--orders: {path}: {error.strerror}") from None


def split(recording: Recording, moment: int | None) -> dict[str, Recording]:
    """The trades to choose by and, if they are split, those to test on."""
    if moment is None:
        return {"all": recording}
    parts = dict(zip(("train", "test"), recording.split(moment), strict=True))
    for name, part in parts.items():
        if not len(part):
            raise CliError(f"--train-until: {iso(moment)} leaves no trade to {name} on")
    return parts


def sweep_record(
    recording: Recording, parts: Mapping[str, Recording], tried: Sequence[Settings], best: Best
) -> dict[str, Any]:
    """What was tried, on what, and how fast."""
    first = next(iter(parts.values()))
    fixed = as_row(tried[0])
    return {
        **_data(recording),
        **({f"{name}_trades": len(part) for name, part in parts.items()} if len(parts) > 1 else {}),
        **{name: fixed[name] for name in ("tick_size", "step_size", "budget", "fee")},
        "settings_tried": len(tried),
        "sweep_seconds": round(best.seconds, 6),
        "trades_x_settings_per_s": round(len(first) * len(tried) / best.seconds),
        "best_on_reference_engine": f"the same {best.orders} orders",
        "fingerprint": recording.fingerprint,
    }


def best_rows(tried: Sequence[Settings], best: Best) -> list[dict[str, Any]]:
    """A row for each of the best settings: what they are, and their results on each part of the trades."""
    rows = []
    for rank, found in enumerate(best.found, start=1):
        settings = as_row(tried[found.place])
        row: dict[str, Any] = {"rank": rank}
        row |= {name: settings[name] for name in ("chunks", "buy_down_interval", "profit_interval", "rebuy_interval")}
        for part, result in found.results.items():
            prefix = f"{part}_" if len(found.results) > 1 else ""
            row |= {f"{prefix}{name}": value for name, value in result_row(result).items()}
        rows.append(row)
    return rows


def _data(recording: Recording) -> dict[str, Any]:
    unreadable = {"unreadable_records": recording.unreadable} if recording.unreadable else {}
    return {
        "instrument": recording.instrument,
        "source": recording.source,
        "trades": len(recording),
        **unreadable,
        "first_trade": iso(int(recording.times[0])),
        "last_trade": iso(int(recording.times[-1])),
    }
