"""`hedgehog backtest list`, `show` and `compare`: the runs that were saved."""

from streams.backtest.store import equity_points, known_instruments, orders_of, runs_of
from streams.cli.backtest.asked import Compare, ListRuns, Show
from streams.cli.backtest.keep import numbers_of
from streams.cli.backtest.rows import ORDER_LINE, write_lines
from streams.cli.backtest.saved_rows import LISTED, full, listed, order_row, side_by_side
from streams.cli.database import warehouse
from streams.cli.errors import BadValue
from streams.cli.instruments.symbols import resolve
from streams.cli.output import Output


def list_runs(asked: ListRuns, out: Output) -> None:
    """Show the newest saved runs, the newest last."""
    with warehouse() as engine:
        known = known_instruments(engine)
        (instrument,) = resolve([asked.symbol], known) if asked.symbol and known else (None,)
        rows = runs_of(engine, instrument, asked.name, limit=asked.limit)
    shown = [full(row, out.json) if out.json else listed(row) for row in rows]
    out.rows(shown, LISTED, empty="no such run; see hedgehog backtest run --save")


def show(asked: Show, out: Output) -> None:
    """Show one run, and write its orders if that was asked for; `BadValue` where there is none or more than one."""
    with warehouse() as engine:
        numbers = numbers_of(engine, [asked.run])
        if len(numbers) > 1:
            raise BadValue(f"RUN: {asked.run!r} is the name of runs {', '.join(map(str, numbers))}; name one of them")
        (row,) = runs_of(engine, ids=numbers)
        placed = [order_row(each) for each in orders_of(engine, *numbers)]
        equity = [order_row(each) for each in equity_points(engine, *numbers)]
    if asked.orders is not None:
        names = ORDER_LINE.split(",")
        write_lines(asked.orders, [ORDER_LINE, *(",".join(each[name] for name in names) for each in placed)])
    record = full(row, out.json)
    if out.json:
        out.record(record | {"placed_orders": placed, "equity": equity})
    else:
        settings = [f"{name} {value}" for name, value in record["settings"].items() if value != ""]
        out.record(record | {"settings": settings})


def compare(asked: Compare, out: Output) -> None:
    """Show the runs side by side; `BadValue` where there are not two."""
    with warehouse() as engine:
        numbers = numbers_of(engine, asked.runs)
        if len(numbers) < 2:
            raise BadValue(f"RUN: {' '.join(asked.runs)} is one run; two are needed to compare")
        rows = runs_of(engine, ids=numbers)
    rows.sort(key=lambda row: numbers.index(row["run_id"]))
    lines = side_by_side(rows)
    same = {
        "same_data": len({row["fingerprint"] for row in rows}) == 1,
        "same_code": len({row["code_version"] for row in rows}) == 1,
    }
    if out.json:
        differing = [line["field"] for line in lines if line["differs"]]
        out.record(same | {"differing": differing, "runs": [full(row, out.json) for row in rows]})
        return
    out.rows(lines, list(lines[0]))
    out.line("the same trades" if same["same_data"] else "NOT the same trades: fingerprints differ")
    out.line("the same code" if same["same_code"] else "NOT the same code: versions differ")
