"""`hedgehog audit`: do the recorded inputs give the recorded orders?"""

from typing import Any

import typer

from schemas.records import Order
from schemas.units import plain
from streams.audit.audit import audit as audit_recorded
from streams.cli.endpoints import with_settings
from streams.cli.errors import PROBLEM
from streams.cli.instruments.select import read
from streams.cli.instruments.symbols import resolve
from streams.cli.orders.options import Audit
from streams.cli.output import Output

SHOWN = 20
"""So many differences are shown; all of them with `--json`."""
COUNTS = (
    "instruments",
    "trades",
    "fills",
    "settings",
    "seeds",
    "orders",
    "snapshots",
    "journal",
    "repeats",
    "superseded",
)


def audit(asked: Audit, out: Output) -> None:
    """Show the counts and the differences; exit code 1 where there is one."""
    config = with_settings()
    instruments = resolve(asked.symbols, read(config)) if asked.symbols else None
    out.progress("reading trades, fills, orders and the leaders' journal from their topics…")
    result = audit_recorded(config, instruments)
    differences = [
        {
            "instrument": difference.instrument,
            "version": difference.version,
            "recorded": shown_record(difference.recorded),
            "replayed": shown_record(difference.refolded),
        }
        for difference in result.differences
    ]
    counts = {name: getattr(result, name) for name in COUNTS} | {"differences": len(differences)}
    if out.json:
        out.record(counts | {"differences": differences, "made_anew": result.made_anew})
    else:
        out.record(counts)
        if differences:
            columns = ("instrument", "version", "recorded", "replayed")
            out.section("Differences", differences[:SHOWN], columns, empty="")
        for instrument, topic in result.made_anew.items():
            out.note(f"{instrument} is not compared: its topic {topic} was deleted and made anew")
        out.note(_verdict(result))
    if not result.passed:
        raise typer.Exit(PROBLEM)


def _verdict(result: Any) -> str:
    if not result.passed:
        return "the recorded inputs do not give the recorded orders; hedgehog audit --json: all differences"
    if not result.instruments:
        return "no leader has recorded anything yet; start with: hedgehog trading start SYMBOL"
    changes = f"{result.settings:,} changes of settings and {result.seeds:,} of what the exchange says"
    inputs = f"{result.trades:,} trades, {result.fills:,} fills, {changes}"
    return f"{inputs} give the {result.snapshots:,} recorded snapshots of {result.orders:,} orders, field by field"


def shown_record(record: Any) -> str | None:
    """Return an order as its id, status, price and quantities in words; a journal entry as the input it took."""
    if isinstance(record, Order):
        numbers = f"{plain(record.price)} {plain(record.quantity)} {plain(record.executed_quantity)}"
        return f"{record.name} {record.status} {numbers} ({record.client_order_id})"
    return f"{record.input_topic} {record.input_offset} after trade {record.trades_offset}" if record else None
