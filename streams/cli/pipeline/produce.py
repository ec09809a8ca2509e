"""`hedgehog produce`: the process that streams trades into Kafka."""

import logging

import typer

from producers.logs import log_to_stderr
from producers.service import run
from streams.cli.endpoints import with_settings
from streams.cli.output import Output
from streams.cli.pipeline.commands import Produce


def produce(asked: Produce, out: Output) -> None:
    """Stream trades until a signal ends it; exit with the service's code."""
    config = with_settings()
    out.progress(f"streaming from {config.binance_stream_url} to {config.bootstrap}; Ctrl-C ends it")
    logging.getLogger("producers.publisher").setLevel(logging.NOTSET)
    log_to_stderr()
    raise typer.Exit(run(config))
