"""The commands of `hedgehog watch`, and what does their work."""

import typer

from streams.cli.command import command
from streams.cli.watch.options import AddWatch, ListWatches, RemoveWatch, SetWatch, SnoozeWatch

watch = typer.Typer()
command(watch, "list", ListWatches, "streams.cli.watch.watches:list_watches")
command(watch, "add", AddWatch, "streams.cli.watch.watches:add")
command(watch, "remove", RemoveWatch, "streams.cli.watch.watches:remove")
command(watch, "set", SetWatch, "streams.cli.watch.watches:set_values")
command(watch, "snooze", SnoozeWatch, "streams.cli.watch.snoozes:snooze")
