"""The command `hedgehog`. Data goes to stdout, everything else to stderr; see `--help` for the exit codes."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import logging
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from streams.cli import archive, backtest, processes, replay
from streams.cli.errors import EXIT_CODES, explained
from streams.cli.instruments import settings, switches
from streams.cli.orders import audit, explain, orders
from streams.cli.output import Json, out
from streams.cli.pipeline import dlq, doctor, status, topics


class _Hedgehog(TyperGroup):
    """Turns what went wrong into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            known = explained(error)
            if known is None:
                raise
            out.error(str(known), known.hint, known.code)
            raise typer.Exit(known.code) from None


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
        from importlib.metadata import version

        print(version("hedgehog"))
        raise typer.Exit


@app.callback()
def options(
    as_json: Json = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Stream, trade and look into a Kafka pipeline of market trades."""
    out.json = as_json
    # What goes wrong with Kafka ends as one error; the clients' news on the way there are not for the user.
    logging.getLogger("producers.publisher").setLevel(logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


app.add_typer(settings.app, name="settings")
app.add_typer(switches.streaming, name="streaming")
app.add_typer(switches.trading, name="trading")
app.add_typer(topics.app, name="topics")
app.add_typer(orders.app, name="orders")
app.add_typer(dlq.app, name="dlq")
app.add_typer(backtest.app, name="backtest")
app.add_typer(replay.app, name="replay")
app.add_typer(archive.app, name="archive")
app.command()(audit.audit)
app.command()(explain.explain)
app.command()(status.status)
app.command()(doctor.doctor)
app.command()(processes.produce)
app.command()(processes.worker)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
