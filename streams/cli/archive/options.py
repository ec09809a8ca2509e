"""`hedgehog archive`: what it can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.command import option

Symbols = Annotated[list[str] | None, option("--symbol", "SYMBOL", "XRPUSDT or binance:XRPUSDT; may be repeated.")]
Out = Annotated[Path, option("--out", "FOLDER", "The archive.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The archive.", show_default=False)]
KEEP_HELP = "Then delete the symbol's days before its last N (days of the calendar, counted from its newest file)."
KeepDays = Annotated[int | None, typer.Option("--keep-days", metavar="N", min=1, help=KEEP_HELP, show_default=False)]


@dataclass(frozen=True)
class ImportFiles:
    """Merge recorded trades into an archive: each trade once, by time and id, in one file a symbol and UTC day.

    Takes files of Binance's archive and recordings; a .CHECKSUM beside a file is verified. Importing again changes
    nothing. A file with a line that is no trade is left out and named, as is a day with two different trades under one
    id; the others are stored.
    """

    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="Recorded trades: files, folders, patterns.", show_default=False),
    ]
    folder: Out
    symbols: Symbols = None
    keep_days: KeepDays = None


@dataclass(frozen=True)
class ExportTopic:
    """Merge the topic of trades into an archive, consumed again from the offsets of a time.

    Days are those of the trades' own times. Late and repeated records find their place in days that are there already.
    Today (UTC) is not over and is left out.
    """

    symbols: Annotated[
        list[str],
        typer.Option("--symbol", metavar="SYMBOL", help="XRPUSDT or binance:XRPUSDT; may be repeated."),
    ]
    folder: Out
    since: Annotated[str | None, option("--from", "TIME", "Records written from this ISO 8601 time on.")] = None
    until: Annotated[str | None, option("--to", "TIME", "Records written before this ISO 8601 time.")] = None
    keep_days: KeepDays = None


@dataclass(frozen=True)
class Verify:
    """Read every file again: digest, schema, manifest, order, repeated ids, day boundaries; and name the gaps.

    A gap is a fact of its source and no damage, so it alone does not fail, except with --no-gaps.
    """

    folder: Folder
    symbols: Symbols = None
    no_gaps: Annotated[bool, typer.Option("--no-gaps", help="Missing ids and days are problems too.")] = False


@dataclass(frozen=True)
class ListDays:
    """List the files of an archive and what their manifests say."""

    folder: Folder
    symbols: Symbols = None


@dataclass(frozen=True)
class Prune:
    """Delete each symbol's days before its last N: days of the calendar, counted from its newest file.

    Only files in the layout of an archive that say that they belong to it are deleted, and each is named.
    """

    folder: Folder
    keep_days: Annotated[int, typer.Option("--keep-days", metavar="N", min=1, help="How many days to keep.")]
    symbols: Symbols = None
