"""`hedgehog sinks`: what its commands can be told."""

from dataclasses import dataclass
from typing import Annotated

import typer


@dataclass(frozen=True)
class SetAside:
    """Keep rows of topics that are no more in schemas of their own, and begin with empty tables.

    The topics are no more where the broker was emptied and the database was not. Nothing is deleted.
    """

    yes: Annotated[bool, typer.Option("--yes", help="Yes: the tables are to be empty.")] = False


@dataclass(frozen=True)
class Skip:
    """Move a failed sink past the record that stops it, into the sink's dead letters.

    What comes before that record is written to the table first. One record a time: others may stop it after it.
    """

    name: Annotated[str, typer.Argument(metavar="NAME", help="As `status` shows it, or its topic: orders.")]
    yes: Annotated[bool, typer.Option("--yes", help="Yes: the record is to be missing in the table.")] = False
