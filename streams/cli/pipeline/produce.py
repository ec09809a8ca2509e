"""`hedgehog produce`: the process that streams trades into Kafka."""

import logging

import typer

from infra.config import load_config
from producers.exchanges import adapters
from producers.logs import log_to_stderr
from producers.service import run
from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue
from streams.cli.output import Output
from streams.cli.pipeline.options import Produce


def produce(asked: Produce, out: Output) -> None:
    """Stream trades until a signal ends it; exit with the service's code."""
    config = load_config()
    try:
        names = [adapter.exchange.name for adapter in adapters(config, asked.exchange or [])]
    except ValueError as error:
        raise BadValue(f"{'--exchange' if asked.exchange else 'HEDGEHOG_EXCHANGES'}: {error}") from None
    with_settings()
    out.progress(f"streaming from {', '.join(names)} to {config.bootstrap}; Ctrl-C ends it")
    logging.getLogger("producers.publisher").setLevel(logging.NOTSET)
    log_to_stderr()
    raise typer.Exit(run(config, names))
