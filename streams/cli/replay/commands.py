"""The commands of `hedgehog replay`, and what does their work."""

import typer

from streams.cli.command import command
from streams.cli.replay.options import Prepare, Publish, Remove

replay = typer.Typer()
command(replay, "prepare", Prepare, "streams.cli.replay.prepare:prepare")
command(replay, "publish", Publish, "streams.cli.replay.publish:publish")
command(replay, "remove", Remove, "streams.cli.replay.prepare:remove")
