"""`hedgehog backtest`: what some settings would have done on recorded trades."""

import typer

from streams.cli.backtest_run import run
from streams.cli.backtest_sweep import sweep

app = typer.Typer(help="What settings would have done on recorded trades: run, sweep.", no_args_is_help=True)
app.command()(run)
app.command()(sweep)
