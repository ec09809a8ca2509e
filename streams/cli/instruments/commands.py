"""The commands of `hedgehog settings`, `streaming` and `trading`, and what does their work."""

import typer

from streams.cli.command import command
from streams.cli.instruments.options import (
    HaltTrading,
    Seed,
    Set,
    Show,
    ShutDownTrading,
    StartStreaming,
    StartTrading,
    StopStreaming,
    StopTrading,
    StreamingStatus,
    TradingStatus,
)

settings = typer.Typer()
command(settings, "seed", Seed, "streams.cli.instruments.settings:seed")
command(settings, "show", Show, "streams.cli.instruments.settings:show")
command(settings, "set", Set, "streams.cli.instruments.settings:set_values")
streaming = typer.Typer()
command(streaming, "start", StartStreaming, "streams.cli.instruments.streaming:start")
command(streaming, "stop", StopStreaming, "streams.cli.instruments.streaming:stop")
command(streaming, "status", StreamingStatus, "streams.cli.instruments.streaming:status")
trading = typer.Typer()
command(trading, "start", StartTrading, "streams.cli.instruments.trading:start")
command(trading, "stop", StopTrading, "streams.cli.instruments.trading:stop")
command(trading, "shutdown", ShutDownTrading, "streams.cli.instruments.trading:shutdown")
command(trading, "halt", HaltTrading, "streams.cli.instruments.trading:halt")
command(trading, "status", TradingStatus, "streams.cli.instruments.leaders:status")
