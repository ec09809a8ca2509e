"""`hedgehog backtest list`, `show` and `compare`: the runs that were saved."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.backtest.options import option
from streams.cli.errors import BadValue
from streams.cli.output import Json, out

RUN = "The number of a saved run, or its name."


def list_runs(
    symbol: Annotated[str | None, option("--symbol", "SYMBOL", "Of this symbol.")] = None,
    name: Annotated[str | None, option("--name", "NAME", "Of this name.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="The newest so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List the saved runs, the newest last."""
    from streams.backtest.store import known_instruments, runs_of
    from streams.cli.backtest.keep import warehouse
    from streams.cli.backtest.saved_rows import LISTED, full, listed
    from streams.cli.instruments.symbols import resolve

    with warehouse() as engine:
        known = known_instruments(engine)
        (instrument,) = resolve([symbol], known) if symbol and known else (None,)
        rows = runs_of(engine, instrument, name, limit=limit)
    shown = [full(row) if out.json else listed(row) for row in rows]
    out.rows(shown, LISTED, empty="no such run; see hedgehog backtest run --save")


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN, show_default=False)],
    orders: Annotated[Path | None, option("--orders", "FILE", "Write side,price,quantity,status of each.")] = None,
    as_json: Json = False,
) -> None:
    """Show one saved run; with --json its orders and its equity, too. Its settings are what --settings reads."""
    from streams.backtest.store import equity_points, orders_of, runs_of
    from streams.cli.backtest.keep import numbers_of, warehouse
    from streams.cli.backtest.rows import ORDER_LINE, write_lines
    from streams.cli.backtest.saved_rows import full, order_row

    with warehouse() as engine:
        numbers = numbers_of(engine, [run])
        if len(numbers) > 1:
            raise BadValue(f"RUN: {run!r} is the name of runs {', '.join(map(str, numbers))}; name one of them")
        (row,) = runs_of(engine, ids=numbers)
        placed = [order_row(each) for each in orders_of(engine, *numbers)]
        equity = [order_row(each) for each in equity_points(engine, *numbers)]
    if orders is not None:
        names = ORDER_LINE.split(",")
        write_lines(orders, [ORDER_LINE, *(",".join(each[name] for name in names) for each in placed)])
    record = full(row)
    if out.json:
        out.record(record | {"placed_orders": placed, "equity": equity})
    else:
        settings = [f"{name} {value}" for name, value in record["settings"].items() if value != ""]
        out.record(record | {"settings": settings})


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help=RUN, show_default=False)],
    as_json: Json = False,
) -> None:
    """Show saved runs side by side, what differs marked: data, code, settings and results."""
    from streams.backtest.store import runs_of
    from streams.cli.backtest.keep import numbers_of, warehouse
    from streams.cli.backtest.saved_rows import full, side_by_side

    with warehouse() as engine:
        numbers = numbers_of(engine, runs)
        if len(numbers) < 2:
            raise BadValue(f"RUN: {' '.join(runs)} is one run; two are needed to compare")
        rows = runs_of(engine, ids=numbers)
    rows.sort(key=lambda row: numbers.index(row["run_id"]))
    lines = side_by_side(rows)
    same = {
        "same_data": len({row["fingerprint"] for row in rows}) == 1,
        "same_code": len({row["code_version"] for row in rows}) == 1,
    }
    if out.json:
        differing = [line["field"] for line in lines if line["differs"]]
        out.record(same | {"differing": differing, "runs": [full(row) for row in rows]})
        return
    out.rows(lines, list(lines[0]))
    out.line("the same trades" if same["same_data"] else "NOT the same trades: fingerprints differ")
    out.line("the same code" if same["same_code"] else "NOT the same code: versions differ")
