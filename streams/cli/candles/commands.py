"""The commands of `hedgehog candles`, and what does their work."""

import typer

from streams.cli.candles.options import ExportCandles, ListCandles
from streams.cli.command import command

candles = typer.Typer()
command(candles, "list", ListCandles, "streams.cli.candles.candles:list_candles")
command(candles, "export", ExportCandles, "streams.cli.candles.export:export_candles")
