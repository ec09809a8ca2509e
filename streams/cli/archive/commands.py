"""The commands of `hedgehog archive`, and what does their work."""

import typer

from streams.cli.archive.options import ExportTopic, ImportFiles, ListDays, Prune, Verify
from streams.cli.command import command

archive = typer.Typer()
command(archive, "import", ImportFiles, "streams.cli.archive.importing:import_files")
command(archive, "export", ExportTopic, "streams.cli.archive.exporting:export_topic")
command(archive, "verify", Verify, "streams.cli.archive.verify:verify")
command(archive, "list", ListDays, "streams.cli.archive.days:list_days")
command(archive, "prune", Prune, "streams.cli.archive.days:prune")
