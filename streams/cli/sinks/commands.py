"""The commands of `hedgehog sinks`, and what does their work."""

import typer

from streams.cli.command import command
from streams.cli.sinks.options import SetAside, Skip

sinks = typer.Typer()
command(sinks, "skip", Skip, "streams.cli.sinks.skip:skip")
command(sinks, "set-aside", SetAside, "streams.cli.sinks.set_aside:set_aside")
