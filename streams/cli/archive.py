"""`hedgehog archive`: trades as daily Parquet files of each symbol."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.errors import PROBLEM, BadValue, CliError
from streams.cli.output import Json, out

if TYPE_CHECKING:
    from streams.archive.store import Block

app = typer.Typer(help="Trades as daily Parquet files: import, export, verify, list, prune.", no_args_is_help=True)

DAYS = ("instrument", "day", "rows", "added", "repeated", "gaps", "missing_ids", "state")
LISTED = ("instrument", "day", "rows", "first_id", "last_id", "gaps", "missing_ids", "bytes", "sources")
GAPS_SHOWN = 20
EXCHANGE = "binance"

Symbols = Annotated[
    list[str] | None,
    typer.Option("--symbol", metavar="SYMBOL", help="XRPUSDT or binance:XRPUSDT; may be repeated.", show_default=False),
]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="The archive.", show_default=False)]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The archive.", show_default=False)]
KEEP_HELP = "Then delete the symbol's days before its last N (days of the calendar, counted from its newest file)."
KeepDays = Annotated[int | None, typer.Option("--keep-days", metavar="N", min=1, help=KEEP_HELP, show_default=False)]


@app.command("import")
def import_files(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="Recorded trades: .csv, .csv.gz, .zip, or folders.", show_default=False),
    ],
    folder: Out,
    symbol: Symbols = None,
    keep_days: KeepDays = None,
    as_json: Json = False,
) -> None:
    """Merge recorded trades into an archive: each trade once, by time and id, in one file a symbol and UTC day.

    Takes files of Binance's archive and recordings; a .CHECKSUM beside a file is verified. Importing again changes
    nothing. Two different trades under one id are an error, and the day is not written.
    """
    from streams.archive.source import all_blocks, files_in

    def checked(path: Path, summed: bool) -> None:
        out.progress(f"reading {path}{' (checksum verified)' if summed else ''}…")

    with _explained():
        files, left = files_in(paths)
        for path in left:
            out.note(f"left out, by its name no file of trades: {path}")
        days = _store(folder, all_blocks(files, _instruments(symbol), checked))
        _show(days, _pruned(folder, keep_days, symbol), {"left_out_files": [str(path) for path in left]})


@app.command("export")
def export_topic(
    symbol: Annotated[
        list[str],
        typer.Option("--symbol", metavar="SYMBOL", help="XRPUSDT or binance:XRPUSDT; may be repeated."),
    ],
    folder: Out,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Records written from this ISO 8601 time on.", show_default=False),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Records written before this ISO 8601 time.", show_default=False),
    ] = None,
    keep_days: KeepDays = None,
    as_json: Json = False,
) -> None:
    """Merge the topic of trades into an archive, consumed again from the offsets of a time.

    Days are those of the trades' own times. Late and repeated records find their place in days that are there already.
    Today (UTC) is not over and is left out.
    """
    from streams.archive.day import day_name, today
    from streams.archive.topic import LeftOut, topic_blocks
    from streams.cli.backtest.input import parse_times
    from streams.cli.endpoints import with_settings
    from streams.cli.progress import progress_bar

    between, instruments = parse_times(since, until), _instruments(symbol)
    config, open_day, left = with_settings(), today(), LeftOut()
    with _explained(), progress_bar("consuming", "records") as progress:
        blocks = topic_blocks(config, instruments, between, open_day, left, progress)
        days = _store(folder, blocks)
        deleted = _pruned(folder, keep_days, symbol)
    more = {"unreadable_records": left.unreadable, "open_day": day_name(open_day), "trades_of_open_day": left.open_day}
    _show(days, deleted, more)
    for instrument, count in left.unreadable.items():
        out.note(f"{instrument}: {count} records are no trades of it and were left out")
    for instrument, count in left.open_day.items():
        out.note(f"{instrument}: {day_name(open_day)} is not over, its {count} trades so far were left out")


@app.command()
def verify(
    folder: Folder,
    symbol: Symbols = None,
    no_gaps: Annotated[bool, typer.Option("--no-gaps", help="Missing ids and days are problems too.")] = False,
    as_json: Json = False,
) -> None:
    """Read every file again: digest, schema, manifest, order, repeated ids, day boundaries; and name the gaps.

    A gap is a fact of its source and no damage, so it alone does not fail, except with --no-gaps.
    """
    from streams.archive.verify import GAP
    from streams.archive.verify import verify as verified

    files = rows = failed = 0
    findings: list[dict[str, Any]] = []
    with _explained():
        for one in verified(folder, _instruments(symbol)):
            files, rows = files + 1, rows + one.rows
            for found in one.findings:
                failed += found.kind != GAP or no_gaps
                findings.append({"file": str(found.path), "kind": found.kind, "finding": found.text})
    if not files:
        raise CliError(f"{folder}: holds no file of an archive", hint="hedgehog archive import PATH --out FOLDER")
    if out.json:
        out.record({"files": files, "rows": rows, "problems": failed, "findings": findings})
    else:
        out.rows(findings, ("file", "kind", "finding"), empty="nothing found")
        out.note(f"{files} files, {rows:,} trades, {failed} problems")
    if failed:
        raise typer.Exit(PROBLEM)


@app.command("list")
def list_days(folder: Folder, symbol: Symbols = None, as_json: Json = False) -> None:
    """List the files of an archive and what their manifests say."""
    from streams.archive.day import read_manifest
    from streams.archive.folder import day_files

    with _explained():
        listed = []
        for file in day_files(folder, _instruments(symbol)):
            manifest = read_manifest(file.path)
            listed.append(_manifest_row(manifest) | {"bytes": file.path.stat().st_size, "file": str(file.path)})
    out.rows(listed, LISTED, empty=f"{folder} holds no file of an archive")


@app.command()
def prune(
    folder: Folder,
    keep_days: Annotated[int, typer.Option("--keep-days", metavar="N", min=1, help="How many days to keep.")],
    symbol: Symbols = None,
    as_json: Json = False,
) -> None:
    """Delete each symbol's days before its last N: days of the calendar, counted from its newest file.

    Only files in the layout of an archive that say that they belong to it are deleted, and each is named.
    """
    with _explained():
        if not folder.is_dir():
            raise CliError(f"{folder}: no such folder")
        out.rows(_pruned(folder, keep_days, symbol) or [], ("deleted",), empty="nothing to delete")


def _store(folder: Path, blocks: "Iterable[Block]") -> list[dict[str, Any]]:
    """Store the blocks; a row for each day that they have trades of."""
    from streams.archive.store import store

    return [
        _manifest_row(stored.manifest)
        | {"read": stored.read, "added": stored.added, "repeated": stored.repeated, "state": stored.state}
        for stored in store(folder, blocks)
    ]


def _show(days: list[dict[str, Any]], deleted: list[dict[str, str]] | None, more: dict[str, Any]) -> None:
    """The stored days and their gaps, and what was deleted if anybody asked for that; `more` is for `--json`."""
    if out.json:
        out.record({"days": days, **more, "deleted": [row["deleted"] for row in deleted or []]})
        return
    out.rows(days, DAYS, empty="no trade to store")
    gaps = [
        {"instrument": row["instrument"], "day": row["day"], "from_id": first, "to_id": last}
        for row in days
        for first, last in row["gap_ranges"]
    ]
    if gaps:
        out.section("Ids without a trade", gaps[:GAPS_SHOWN], ("instrument", "day", "from_id", "to_id"), empty="")
    if len(gaps) > GAPS_SHOWN:
        out.note(f"{len(gaps) - GAPS_SHOWN} more ranges: hedgehog archive verify")
    if deleted is not None:
        out.section("Deleted", deleted, ("deleted",), empty="nothing to delete")


def _pruned(folder: Path, keep_days: int | None, symbol: list[str] | None) -> list[dict[str, str]] | None:
    """What was deleted, if that was asked for."""
    from streams.archive.folder import locked
    from streams.archive.folder import prune as pruned

    if keep_days is None:
        return None
    with locked(folder):
        return [{"deleted": str(file.path)} for file in pruned(folder, keep_days, _instruments(symbol))]


def _manifest_row(manifest: Any) -> dict[str, Any]:
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


def _instruments(symbols: list[str] | None) -> list[str]:
    """The instruments that were typed, each once, as `exchange:SYMBOL`; Binance's unless they say otherwise."""
    from schemas.symbols import typed_instrument

    found = []
    for text in symbols or []:
        exchange, symbol = typed_instrument(text, EXCHANGE)
        if not symbol:
            raise BadValue(f"--symbol: {text!r} names no symbol")
        found.append(f"{exchange}:{symbol}")
    return list(dict.fromkeys(found))


@contextmanager
def _explained() -> Iterator[None]:
    """What is wrong with a file, an archive or its trades, in one line for the user."""
    from producers.recorded.files import FileError
    from streams.archive.merge import Conflict

    try:
        yield
    except (FileError, Conflict) as error:
        raise CliError(str(error)) from None
