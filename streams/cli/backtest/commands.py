"""The commands of `hedgehog backtest`, and what does their work."""

import typer

from streams.cli.backtest.asked import Compare, ListRuns, Run, Show, Sweep
from streams.cli.command import command

backtest = typer.Typer()
command(backtest, "run", Run, "streams.cli.backtest.run:run")
command(backtest, "sweep", Sweep, "streams.cli.backtest.sweep:sweep")
command(backtest, "list", ListRuns, "streams.cli.backtest.saved:list_runs")
command(backtest, "show", Show, "streams.cli.backtest.saved:show")
command(backtest, "compare", Compare, "streams.cli.backtest.saved:compare")
