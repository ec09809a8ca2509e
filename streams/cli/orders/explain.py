"""`hedgehog explain ORDER`: which input made an order, what it found, and the arithmetic."""

from typing import Any

import typer

from infra.config import Config
from streams.audit.audit import read_recorded
from streams.audit.explain import Explanation, UnknownOrder
from streams.audit.explain import explain as explained
from streams.cli.endpoints import with_settings
from streams.cli.errors import PROBLEM, BadValue, CliError
from streams.cli.instruments.select import read
from streams.cli.instruments.symbols import resolve
from streams.cli.orders.explain_rows import as_row
from streams.cli.orders.options import Explain
from streams.cli.output import Output

FIND = "hedgehog orders list"


def explain(asked: Explain, out: Output) -> None:
    """Show what made the order; exit code 1 where the replay gives another one than was recorded."""
    instrument, number, side = _parsed(asked.order)
    config = with_settings()
    (key,) = resolve([instrument], read(config))
    out.progress(f"reading everything recorded of {key}…")
    found = _explained(config, key, f"{key}:{number}:{side}")
    row = as_row(found, config.topic_prefix)
    if out.json:
        out.record(row)
    else:
        _show(row, out)
    if found.differences:
        raise typer.Exit(PROBLEM)


def _parsed(order: str) -> tuple[str, str, str]:
    instrument, _, tail = order.strip().rpartition(":")
    instrument, _, number = instrument.rpartition(":")
    if not (instrument and number.isascii() and number.isdigit() and tail.upper() in ("B", "S")):
        raise BadValue(f"ORDER: {order!r} is no client order id such as binance:XRPUSDT:12:B", hint=FIND)
    return instrument, str(int(number)), tail.upper()


def _explained(config: Config, key: str, client_order_id: str) -> Explanation:
    recorded = next(read_recorded(config, [key]), None)
    if recorded is None:
        raise CliError(f"no order of {key} was recorded", hint=FIND)
    try:
        return explained(recorded, client_order_id)
    except UnknownOrder as error:
        near = f"; did you mean {' or '.join(error.nearest)}?" if error.nearest else ""
        raise BadValue(f"ORDER: {error}{near}", hint=FIND) from None


def _show(row: dict[str, Any], out: Output) -> None:
    out.line(f"{row['client_order_id']}  {row['summary']}")
    if row["start"] is not None:
        _show_step(f"Trader {row['trader']} started", row["start"], out)
    for snapshot in row["snapshots"]:
        what = " and ".join(name for name in ("recorded", "replayed") if snapshot[name])
        title = f"{snapshot['status']}, version {snapshot['version']}" + ("" if " and " in what else f", only {what}")
        _show_step(title, snapshot, out)
    if row["differences"]:
        columns = ("version", "recorded", "replayed")
        out.section("The replay differs from what was recorded", row["differences"], columns, empty="")
    else:
        out.note("the replay gives this order as it was recorded, field by field")
    if row["other_differences"]:
        out.note(f"{row['other_differences']} other records of the instrument differ: hedgehog audit")


def _show_step(title: str, step: dict[str, Any], out: Output) -> None:
    out.line(f"\n{title}: {step['why']}")
    out.line(f"  {step['event']['text']}")
    if step["arithmetic"]:
        out.section("arithmetic", step["arithmetic"], ("what", "formula", "exact", "result"), empty="")
    out.section("state", step["state"], ("what", "before", "after"), empty="")
    for other in step["also"]:
        out.line(f"also: {other}")
