"""`hedgehog replay`: what it can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.command import symbol_option

Prefix = Annotated[
    str,
    typer.Option(
        "--prefix", metavar="PREFIX", help="Put before every topic of the replay, such as replay. (with dot)."
    ),
]
Symbols = Annotated[list[str] | None, symbol_option("Only this one; repeatable.")]


@dataclass(frozen=True)
class Prepare:
    """Create the topics under PREFIX, with the live settings of the symbols; `publish` does that too.

    Needed to start a worker there, to change settings there or to have sinks, before anything is sent.
    """

    prefix: Prefix
    symbols: Symbols = None
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="NAME", help="Also sinks, into a database NAME beside the live one."),
    ] = None


@dataclass(frozen=True)
class Tempo:
    """How fast recorded trades are sent: one of the three, or the recorded pace."""

    speed: Annotated[
        float | None, typer.Option("--speed", metavar="N", help="So many times the recorded pace; 1 by default.")
    ] = None
    interval: Annotated[
        float | None, typer.Option("--interval", metavar="MS", help="Instead: a trade every so many milliseconds.")
    ] = None
    flat_out: Annotated[bool, typer.Option("--flat-out", help="Instead: as fast as the broker takes them.")] = False


@dataclass(frozen=True, kw_only=True)
class Publish:
    """Send recorded trades to the pipeline under PREFIX; ids and event times stay. Never to live topics.

    Of several files or partitions the trades come in the order of their event times. Ctrl-C ends it, with a summary.
    """

    prefix: Prefix
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "--file", metavar="FILE", help="Recorded trades: files, folders, patterns or an archive; repeatable."
        ),
    ] = None
    topic: Annotated[bool, typer.Option("--topic", help="The trades of the live topic.")] = False
    symbols: Symbols = None
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="The first time, ISO 8601.")] = None
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this time, ISO 8601.")] = None
    tempo: Tempo


@dataclass(frozen=True)
class Remove:
    """Delete the topics that `prepare` or `publish` made under PREFIX, and its sinks. A database of its own stays."""

    prefix: Prefix
