"""`hedgehog prune`: old records and rows, counted, and with `--yes` deleted."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from infra.config import Config
from schemas.broker import is_replay
from schemas.times import EPOCH, iso
from streams.audit.retention import AUDIT, PRUNED, Cut, cuts, delete
from streams.cli.database import warehouse
from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue
from streams.cli.output import Output
from streams.cli.pipeline.options import Prune
from streams.cli.times import parse_time
from streams.warehouse.pruning import Old, old_rows
from streams.warehouse.pruning import prune as prune_rows

TOPIC_COLUMNS = ("topic", "records", "kept", "needed_by")
TABLE_COLUMNS = ("table", "rows", "megabytes", "kept")
DAY_US = 86_400_000_000


def prune(asked: Prune, out: Output) -> None:
    """Show what is old, and delete it where `--yes` says so."""
    before = _before(asked)
    config = with_settings()
    made = cuts(config, before) if asked.topics else []
    with_tables = asked.tables and not is_replay(config)
    with warehouse() if with_tables else nullcontext() as engine:
        moment = EPOCH + timedelta(microseconds=before)
        old = [] if engine is None else old_rows(engine, moment)
        if asked.yes:
            delete(config, made)
            if engine is not None:
                prune_rows(engine, old, moment)
    _show(config, before, made, old, asked.yes, out)


def _before(asked: Prune) -> int:
    """Return the time in µs before which all is old."""
    if (asked.before is None) == (asked.keep_days is None):
        raise BadValue("say what is old: --keep-days N or --before TIME, one of them")
    now = time.time_ns() // 1_000
    before = now - (asked.keep_days or 0) * DAY_US if asked.before is None else parse_time("--before", asked.before)
    if before > now:
        raise BadValue(f"--before: {asked.before} is not over yet")
    return before


def _show(config: Config, before: int, made: Sequence[Cut], old: Sequence[Old], done: bool, out: Output) -> None:
    topics = [_topic_row(topic.full_name(config), made) for topic in PRUNED] if made else []
    tables = [_table_row(each) for each in old]
    notes = _notes(made, old)
    if out.json:
        out.record({"before": iso(before), "deleted": done, "topics": topics, "tables": tables, "notes": notes})
        return
    out.line(f"older than {iso(before)}, {'deleted' if done else 'would be deleted'}:")
    if topics:
        out.section("Topics", topics, TOPIC_COLUMNS, empty="")
    if tables:
        out.section("Tables", tables, TABLE_COLUMNS, empty="")
    for note in notes:
        out.note(note)
    if not done:
        out.note("nothing was deleted: add --yes")


def _topic_row(name: str, made: Sequence[Cut]) -> dict[str, Any]:
    ours = [cut for cut in made if cut.topic == name]
    return {
        "topic": name,
        "records": sum(cut.upto - cut.first for cut in ours),
        "kept": sum(cut.wanted - cut.upto for cut in ours),
        "needed_by": sorted({who for cut in ours for who in cut.needed_by}),
    }


def _table_row(old: Old) -> dict[str, Any]:
    return {"table": old.table, "rows": old.rows, "megabytes": round(old.size / 1e6, 1), "kept": old.kept}


def _notes(made: Sequence[Cut], old: Sequence[Old]) -> list[str]:
    notes = []
    if any(AUDIT in cut.needed_by for cut in made):
        notes.append("kept for the audit: what comes after the last checkpoint before that time")
    if any(cut.upto > cut.first for cut in made):
        notes.append(
            "audit and explain begin with the checkpoints that are left, and with the first one of who has none; "
            "backtest, archive export and replay from the topic with the trades that are left: export them before"
        )
    about = [each.table for each in old if not each.counted]
    if about:
        notes.append(f"about so many rows, too many to be counted: {', '.join(about)}")
    if any(each.kept for each in old):
        notes.append("kept of tables: orders and fills of traders that hold something or have an open order")
    if any(each.rows for each in old if each.table in ("orders", "fills")):
        notes.append("profits of deleted traders are in hedgehog positions only")
    return notes
