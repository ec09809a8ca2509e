"""The command `hedgehog`. Data goes to stdout, everything else to stderr; see `--help` for the exit codes."""

import logging
import os
import sys
from errno import EBADF, EPIPE
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from streams.cli.command import Json, command, noun
from streams.cli.dashboard.options import Dashboard
from streams.cli.errors import EXIT_CODES, CliError
from streams.cli.guard.options import Guard
from streams.cli.instruments.options import Positions
from streams.cli.notify.options import Notify
from streams.cli.orders.options import Audit, Explain
from streams.cli.output import Output
from streams.cli.pipeline.options import Doctor, Produce, Prune, Run, Status, Worker
from streams.cli.progress import Told

NOUNS = {
    "settings": ("streams.cli.instruments.commands:settings", "What each instrument runs by: seed, show, set."),
    "streaming": ("streams.cli.instruments.commands:streaming", "Whether a producer streams an instrument's trades."),
    "trading": ("streams.cli.instruments.commands:trading", "Whether an instrument is traded."),
    "watch": (
        "streams.cli.watch.commands:watch",
        "What is to be told of each instrument: list, add, remove, set, snooze.",
    ),
    "topics": ("streams.cli.pipeline.commands:topics", "The topics of the pipeline."),
    "orders": ("streams.cli.orders.commands:orders", "Our orders, as Postgres has them."),
    "candles": ("streams.cli.candles.commands:candles", "Candles of 1 minute to a day, as Postgres has them."),
    "dlq": ("streams.cli.pipeline.commands:dlq", "Dead letters: records that could not be handled."),
    "gaps": ("streams.cli.gaps.commands:gaps", "Trades that the streams did not bring: list, fill."),
    "sinks": ("streams.cli.sinks.commands:sinks", "The sinks that write the topics into Postgres."),
    "backtest": (
        "streams.cli.backtest.commands:backtest",
        "What settings would have done on recorded trades: run, sweep; list, show, compare what was saved.",
    ),
    "replay": (
        "streams.cli.replay.commands:replay",
        "Send recorded trades through the pipeline again, under a topic prefix of their own.",
    ),
    "archive": (
        "streams.cli.archive.commands:archive",
        "Trades as daily Parquet files: import, export, verify, list, prune.",
    ),
}
"""Where the commands of each noun are declared, and its help."""


class _Hedgehog(TyperGroup):
    """Turns what went wrong into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            known = _explained(error)
            if known is None:
                raise
            ctx.obj.error(str(known), known.hint, known.code)
            raise typer.Exit(known.code) from None


def _explained(error: Exception) -> CliError | None:
    """Return what to tell the user; None for what Typer handles itself (usage, exits) and for a bug of ours."""
    if isinstance(error, CliError):
        return error
    if type(error).__module__.startswith("typer"):
        return None
    from streams.cli.failures import explained  # noqa: PLC0415 -- a command that works does not wait for the libraries

    return explained(error)


app = typer.Typer(
    cls=_Hedgehog,
    name="hedgehog",
    help="Stream, trade and look into a Kafka pipeline of market trades.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version  # noqa: PLC0415 -- only here

        print(version("hedgehog"))
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    as_json: Json = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    progress: Annotated[
        bool,
        typer.Option(
            "--progress-json", help="For a program: how far it is, as lines of JSON on stderr while it reads them."
        ),
    ] = False,
) -> None:
    """Stream, trade and look into a Kafka pipeline of market trades."""
    context.obj = Output(as_json, Told(sys.stderr) if progress else None)
    # What goes wrong with Kafka ends as one error; the clients' news on the way there are not for the user.
    logging.getLogger("producers.publisher").setLevel(logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


for _name, (_target, _help) in NOUNS.items():
    app.add_typer(typer.Typer(), cls=noun(_target), name=_name, help=_help, no_args_is_help=True)
command(app, "positions", Positions, "streams.cli.instruments.positions:positions")
command(app, "audit", Audit, "streams.cli.orders.audit:audit")
command(app, "explain", Explain, "streams.cli.orders.explain:explain")
command(app, "status", Status, "streams.cli.pipeline.status:status")
command(app, "doctor", Doctor, "streams.cli.pipeline.doctor:doctor")
command(app, "run", Run, "streams.cli.pipeline.run:run", data=False)
command(app, "prune", Prune, "streams.cli.pipeline.prune:prune")
command(app, "produce", Produce, "streams.cli.pipeline.produce:produce", data=False)
command(app, "dashboard", Dashboard, "streams.cli.dashboard.run:dashboard", data=False)
command(app, "notify", Notify, "streams.cli.notify.run:notify", data=False)
command(app, "guard", Guard, "streams.cli.guard.run:guard", data=False)
command(app, "worker", Worker, "streams.cli.pipeline.worker:worker", data=False)


def main() -> None:
    """Entry point of the console script: what cannot be shown, help and all, is one line and an exit code too."""
    is_closed, code = _make_streams(), 0
    try:
        try:
            app()
        except SystemExit as end:
            code = int(end.code or 0)
        sys.stdout.flush()
    except OSError as error:
        nowhere = is_closed and error.errno == EBADF
        known = CliError("stdout is closed: nothing can be shown") if nowhere else _explained(error)
        if known is None:
            raise
        # what is left to be shown would fail again when the process ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != EPIPE and not code:  # who read it has gone, and knows; a command that failed has said why
            Output().error(str(known), known.hint, known.code)
        code = code or known.code
    raise SystemExit(code)


def _make_streams() -> bool:
    """Let every character be shown somehow, whatever the locale; return whether stdout is closed.

    A closed one takes nothing, as one that is there and full: whoever shows something gets an error.
    """
    is_closed = sys.stdout is None
    if is_closed:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return is_closed


if __name__ == "__main__":
    main()
