"""The commands of `hedgehog sinks`, and what does their work."""

import typer

from streams.cli.command import command
from streams.cli.sinks.options import Skip

sinks = typer.Typer()
command(sinks, "skip", Skip, "streams.cli.sinks.skip:skip")


@sinks.callback()
def _several() -> None:
    """Keep the name of the command, which Typer would drop as long as there is but one."""
