"""`hedgehog backtest`: what some settings would have done on recorded trades."""

import typer

from streams.cli.backtest.run import run
from streams.cli.backtest.saved import compare, list_runs, show
from streams.cli.backtest.sweep import sweep

app = typer.Typer(
    help="What settings would have done on recorded trades: run, sweep; list, show, compare what was saved.",
    no_args_is_help=True,
)
app.command()(run)
app.command()(sweep)
app.command("list")(list_runs)
app.command()(show)
app.command()(compare)
