"""The commands of `hedgehog gaps`, and what does their work."""

import typer

from streams.cli.command import command
from streams.cli.gaps.options import FillGaps, ListGaps

gaps = typer.Typer()
command(gaps, "list", ListGaps, "streams.cli.gaps.gaps:list_gaps")
command(gaps, "fill", FillGaps, "streams.cli.gaps.gaps:fill")
