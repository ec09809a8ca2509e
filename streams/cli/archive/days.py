"""`hedgehog archive list` and `prune`: the files of an archive and what their manifests say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streams.archive.day import Manifest, read_manifest
from streams.archive.folder import day_files, locked
from streams.archive.folder import prune as prune_folder
from streams.cli.archive.options import ListDays, Prune
from streams.cli.errors import CliError
from streams.cli.instruments.symbols import keys_of
from streams.cli.output import Output

LISTED = ("instrument", "day", "rows", "first_id", "last_id", "gaps", "missing_ids", "bytes", "sources")


def list_days(asked: ListDays, out: Output) -> None:
    """Show a row for each file of the archive."""
    listed = []
    for file in day_files(asked.folder, keys_of(asked.symbols or ())):
        manifest = read_manifest(file.path)
        listed.append(manifest_row(manifest) | {"bytes": file.path.stat().st_size, "file": str(file.path)})
    out.rows(listed, LISTED, empty=f"{asked.folder} holds no file of an archive")


def prune(asked: Prune, out: Output) -> None:
    """Delete days, and name each file."""
    instruments = keys_of(asked.symbols or ())
    if not asked.folder.is_dir():
        raise CliError(f"{asked.folder}: no such folder")
    out.rows(delete_days(asked.folder, asked.keep_days, instruments), ("deleted",), empty="nothing to delete")


def delete_days(folder: Path, keep_days: int, instruments: Sequence[str]) -> list[dict[str, str]]:
    """Delete each instrument's days before its last `keep_days`; return a row for each file."""
    with locked(folder):
        return [{"deleted": str(file.path)} for file in prune_folder(folder, keep_days, instruments)]


def manifest_row(manifest: Manifest) -> dict[str, Any]:
    """Return what a manifest says under the names that it is shown by."""
    return {
        "instrument": manifest.instrument,
        "day": manifest.day,
        "rows": manifest.rows,
        "first_id": manifest.first_id,
        "last_id": manifest.last_id,
        "gaps": manifest.gaps,
        "missing_ids": manifest.missing,
        "gap_ranges": manifest.gap_ranges,
        "sources": manifest.sources,
    }
