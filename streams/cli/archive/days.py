"""`hedgehog archive list` and `prune`: the files of an archive and what their manifests say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from producers.recorded.errors import FileError, joined
from streams.archive.day import ArchiveError, Manifest, read_manifest
from streams.archive.folder import day_files, locked
from streams.archive.folder import prune as prune_folder
from streams.cli.archive.options import ListDays, Prune
from streams.cli.errors import CliError
from streams.cli.instruments.symbols import keys_of
from streams.cli.output import Output

LISTED = ("instrument", "day", "rows", "first_id", "last_id", "gaps", "missing_ids", "bytes", "sources")


def list_days(asked: ListDays, out: Output) -> None:
    """Show a row for each file of the archive; `CliError` names those that are none."""
    listed, bad = [], []
    for file in day_files(asked.folder, keys_of(asked.symbols or ())):
        try:
            manifest = read_manifest(file.path)
        except ArchiveError as error:
            bad.append(str(error))
            continue
        listed.append(manifest_row(manifest) | {"bytes": file.path.stat().st_size, "file": str(file.path)})
    out.rows(listed, LISTED, empty=f"{asked.folder} holds no file of an archive")
    if bad:
        raise all_named(bad)


def prune(asked: Prune, out: Output) -> None:
    """Delete days, and name each file; `CliError` names those that are old and were not deleted."""
    instruments = keys_of(asked.symbols or ())
    if not asked.folder.is_dir():
        raise CliError(f"{asked.folder}: no such folder")
    bad: list[str] = []
    out.rows(delete_days(asked.folder, asked.keep_days, instruments, bad), ("deleted",), empty="nothing to delete")
    if bad:
        raise all_named(bad)


def delete_days(folder: Path, keep_days: int, instruments: Sequence[str], bad: list[str]) -> list[dict[str, str]]:
    """Delete each instrument's days before its last `keep_days`; return a row for each, add to `bad` what is wrong."""
    with locked(folder):
        return [{"deleted": str(file.path)} for file in prune_folder(folder, keep_days, bad, instruments)]


def all_named(bad: Sequence[str]) -> CliError:
    """Return the error that names all that is wrong with some files."""
    return CliError(str(joined([FileError(text) for text in bad])))


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
