"""The commands of `hedgehog topics` and `dlq`, and what does their work."""

import typer

from streams.cli.command import command
from streams.cli.pipeline.options import CreateTopics, ListLetters, ListTopics, RequeueLetter, ShowLetter

topics = typer.Typer()
command(topics, "create", CreateTopics, "streams.cli.pipeline.topics:create")
command(topics, "list", ListTopics, "streams.cli.pipeline.topics:list_topics")

dlq = typer.Typer()
command(dlq, "list", ListLetters, "streams.cli.pipeline.dlq:list_letters")
command(dlq, "show", ShowLetter, "streams.cli.pipeline.dlq:show")
command(dlq, "requeue", RequeueLetter, "streams.cli.pipeline.requeue:requeue")
