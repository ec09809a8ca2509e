"""`hedgehog explain ORDER`: which input made an order, what it found, and the arithmetic."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.endpoints import with_settings
from streams.cli.errors import PROBLEM, BadValue, CliError
from streams.cli.instruments.select import read
from streams.cli.output import Json, out

if TYPE_CHECKING:
    from infra.config import Config
    from streams.audit.explain import Explanation


def explain(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="A client order id such as binance:XRPUSDT:12:B.")],
    as_json: Json = False,
) -> None:
    """Explain an order: replay the recorded inputs up to each that changed it, and show what it did and why.

    Exit code 1 where the replay gives another order than was recorded.
    """
    instrument, number, side = _parsed(order)
    config = with_settings()
    from streams.cli.instruments.symbols import resolve
    from streams.cli.orders.explain_rows import as_row

    (key,) = resolve([instrument], read(config))
    found = _explained(config, key, f"{key}:{number}:{side}")
    row = as_row(found, config.topic_prefix)
    if as_json or out.json:
        out.record(row)
    else:
        _show(row)
    if found.differences:
        raise typer.Exit(PROBLEM)


def _parsed(order: str) -> tuple[str, str, str]:
    instrument, _, tail = order.strip().rpartition(":")
    instrument, _, number = instrument.rpartition(":")
    if not (instrument and number.isascii() and number.isdigit() and tail.upper() in ("B", "S")):
        raise BadValue(f"ORDER: {order!r} is no client order id such as binance:XRPUSDT:12:B", hint=FIND)
    return instrument, str(int(number)), tail.upper()


FIND = "hedgehog orders list"


def _explained(config: "Config", key: str, client_order_id: str) -> "Explanation":
    from streams.audit.audit import read_recorded
    from streams.audit.explain import UnknownOrder
    from streams.audit.explain import explain as explained

    out.progress(f"reading everything recorded of {key}…")
    recorded = next(read_recorded(config, [key]), None)
    if recorded is None:
        raise CliError(f"no order of {key} was recorded", hint=FIND)
    try:
        return explained(recorded, client_order_id)
    except UnknownOrder as error:
        near = f"; did you mean {' or '.join(error.nearest)}?" if error.nearest else ""
        raise BadValue(f"ORDER: {error}{near}", hint=FIND) from None


def _show(row: dict[str, Any]) -> None:
    out.line(f"{row['client_order_id']}  {row['summary']}")
    if row["start"] is not None:
        _show_step(f"Trader {row['trader']} started", row["start"])
    for snapshot in row["snapshots"]:
        what = " and ".join(name for name in ("recorded", "replayed") if snapshot[name])
        title = f"{snapshot['status']}, version {snapshot['version']}" + ("" if " and " in what else f", only {what}")
        _show_step(title, snapshot)
    if row["differences"]:
        columns = ("version", "recorded", "replayed")
        out.section("The replay differs from what was recorded", row["differences"], columns, empty="")
    else:
        out.note("the replay gives this order as it was recorded, field by field")
    if row["other_differences"]:
        out.note(f"{row['other_differences']} other records of the instrument differ: hedgehog audit")


def _show_step(title: str, step: dict[str, Any]) -> None:
    out.line(f"\n{title}: {step['why']}")
    out.line(f"  {step['event']['text']}")
    if step["arithmetic"]:
        out.section("arithmetic", step["arithmetic"], ("what", "formula", "exact", "result"), empty="")
    out.section("state", step["state"], ("what", "before", "after"), empty="")
    for other in step["also"]:
        out.line(f"also: {other}")
