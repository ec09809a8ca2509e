"""`hedgehog audit`: do the recorded inputs give the recorded orders, and these the recorded fills?"""

from typing import Any

import typer

from schemas.journal_records import Applied
from schemas.records import Fill, Order, Record
from schemas.units import plain
from streams.audit.audit import Asked
from streams.audit.audit import audit as audit_recorded
from streams.audit.proven import load, save
from streams.cli.endpoints import with_settings
from streams.cli.errors import PROBLEM
from streams.cli.instruments.select import read
from streams.cli.instruments.symbols import resolve
from streams.cli.orders.options import Audit
from streams.cli.output import Output
from streams.cli.times import parse_time

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
    "reports",
    "book_journal",
    "repeats",
    "superseded",
)


def audit(asked: Audit, out: Output) -> None:
    """Show the counts and the differences; exit code 1 where there is one."""
    config = with_settings()
    instruments = resolve(asked.symbols, read(config)) if asked.symbols else None
    out.progress("reading trades, fills, orders and the journal of leaders and books from their topics…")
    since = None if asked.since is None else parse_time("--since", asked.since)
    whole = asked.everything or since is not None or instruments is not None
    known = {} if whole else load(config)
    proven = dict(known)
    result = audit_recorded(config, Asked(instruments, since, known), proven)
    if not (since is not None or instruments is not None):
        save(config, proven)
    differences = [
        {
            "instrument": difference.instrument,
            "agent": difference.agent,
            "version": difference.version,
            "recorded": shown_record(difference.recorded),
            "replayed": shown_record(difference.refolded),
        }
        for difference in result.differences
    ]
    unproven = [
        {"instrument": each.instrument, "agent": each.agent, "before_offset": each.before, "fills": each.fills}
        for each in result.unproven
    ]
    counts = {name: getattr(result, name) for name in COUNTS} | {"differences": len(differences)}
    if out.json:
        out.record(counts | {"differences": differences, "unproven": unproven, "made_anew": result.made_anew})
    else:
        out.record(counts)
        if differences:
            columns = ("instrument", "agent", "version", "recorded", "replayed")
            out.section("Differences", differences[:SHOWN], columns, empty="")
        for instrument, topic in result.made_anew.items():
            out.note(
                f"{instrument}: its topic {topic} was deleted and made anew; what was recorded before is not compared"
            )
        for each in result.unproven:
            what = f"{each.instrument}, {each.agent}: not provable before trades offset {each.before}"
            out.note(f"{what}: no journal was kept, or it has expired" + (f"; {each.fills:,} fills" * bool(each.fills)))
        out.note(_verdict(result))
    if not result.passed:
        raise typer.Exit(PROBLEM)


def _verdict(result: Any) -> str:
    if not result.passed:
        return "the replay does not give what was recorded; hedgehog audit --json: all differences"
    if not result.instruments:
        return "no leader has recorded anything yet; start with: hedgehog trading start SYMBOL"
    changes = f"{result.settings:,} changes of settings and {result.seeds:,} of what the exchange says"
    inputs = f"{result.trades:,} trades, {result.fills:,} fills, {changes}"
    given = f"{inputs} give the {result.snapshots:,} recorded snapshots of {result.orders:,} orders, field by field"
    return f"{given}; these and the trades give {result.reports:,} recorded fills"


def shown_record(record: Record | None) -> str | None:
    """Return an order or a fill as its id and numbers in words; a journal entry as the input it took."""
    if isinstance(record, Order):
        numbers = f"{plain(record.price)} {plain(record.quantity)} {plain(record.executed_quantity)}"
        return f"{record.name} {record.status} {numbers} ({record.client_order_id})"
    if isinstance(record, Fill):
        numbers = f"{plain(record.quantity)} at {plain(record.price)}, in all {plain(record.cumulative_quantity)}"
        due = "" if record.trade_id is None else f", trade {record.trade_id}"
        return f"{record.fill_id} {record.execution_type} {numbers}, commission {plain(record.commission)}{due}"
    if isinstance(record, Applied):
        return f"{record.input_topic} {record.input_offset} after trade {record.trades_offset}"
    return None
