"""What import and export share: blocks of trades into an archive, its days as rows, what was deleted then."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from streams.archive.store import Block, store
from streams.cli.archive.days import all_named, delete_days, manifest_row
from streams.cli.archive.options import ExportTopic, ImportFiles
from streams.cli.instruments.symbols import keys_of
from streams.cli.output import Output

DAYS = ("instrument", "day", "rows", "added", "repeated", "gaps", "missing_ids", "state")
GAPS_SHOWN = 20


def store_sources(folder: Path, sources: Iterable[Iterable[Block]], bad: list[str]) -> list[dict[str, Any]]:
    """Store the sources; return a row for each day that they have trades of, and add to `bad` what was left out."""
    return [
        manifest_row(stored.manifest)
        | {"read": stored.read, "added": stored.added, "repeated": stored.repeated, "state": stored.state}
        for stored in store(folder, sources, bad)
    ]


def show_days(
    out: Output, days: list[dict[str, Any]], asked: ImportFiles | ExportTopic, bad: list[str], more: dict[str, Any]
) -> None:
    """Delete old days if that was asked for; show the stored days and their gaps, `more` with `--json` only.

    Raises `CliError` that names what is bad, if anything is.
    """
    instruments = keys_of(asked.symbols or ())
    deleted = None if asked.keep_days is None else delete_days(asked.folder, asked.keep_days, instruments, bad)
    if out.json:
        out.record({"days": days, **more, "bad": bad, "deleted": [row["deleted"] for row in deleted or []]})
    else:
        out.rows(days, DAYS, empty="no trade to store")
        _show_gaps(out, days)
        if deleted is not None:
            out.section("Deleted", deleted, ("deleted",), empty="nothing to delete")
    if bad:
        raise all_named(bad)


def _show_gaps(out: Output, days: list[dict[str, Any]]) -> None:
    gaps = [
        {"instrument": row["instrument"], "day": row["day"], "from_id": first, "to_id": last}
        for row in days
        for first, last in row["gap_ranges"]
    ]
    if gaps:
        out.section("Ids without a trade", gaps[:GAPS_SHOWN], ("instrument", "day", "from_id", "to_id"), empty="")
    if len(gaps) > GAPS_SHOWN:
        out.note(f"{len(gaps) - GAPS_SHOWN} more ranges: hedgehog archive verify")
