"""`hedgehog sinks`: what its commands can be told."""

from dataclasses import dataclass
from typing import Annotated

import typer


@dataclass(frozen=True)
class Skip:
    """Move a failed sink past the record that stops it, into the sink's dead letters.

    What comes before that record is written to the table first. One record a time: others may stop it after it.
    """

    name: Annotated[str, typer.Argument(metavar="NAME", help="As `status` shows it, or its topic: orders.")]
    yes: Annotated[bool, typer.Option("--yes", help="Yes: the record is to be missing in the table.")] = False
