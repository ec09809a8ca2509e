"""The producer: streams the trades of every instrument whose settings say so, until it is told to stop.

What to stream is in the compacted settings topic, so a restart goes on where the last run was.
"""

import asyncio
import logging
import signal
from typing import Any

from infra.config import Config
from infra.errors import StackError
from producers import settings_topic
from producers.binance.client import BinanceSource
from producers.binance.protocol import EXCHANGE, STREAMS_MAX
from producers.publisher import DeliveryError, Publisher
from producers.pump import Pump
from schemas.broker import check_topics, is_replay
from schemas.records import Settings

log = logging.getLogger(__name__)

STATUS_S = 10.0
FAILED = 1


def run(config: Config) -> int:
    """Run in the foreground until SIGTERM or SIGINT; the exit code.

    0: stopped, and the broker has acknowledged every trade that was received. 1: it has not, or something the
    producer needs is not there; the log says what.
    """
    return asyncio.run(_until_signalled(config))


async def serve(config: Config, source: BinanceSource, stop: asyncio.Event) -> None:
    """Stream until `stop` is set. Raises `DeliveryError` for trades that the broker did not acknowledge,
    `StackError` or `ConnectionError` where broker, topics or registry are not there."""
    await asyncio.to_thread(check_topics, config)
    if await asyncio.to_thread(is_replay, config):
        raise StackError(f"HEDGEHOG_TOPIC_PREFIX={config.topic_prefix} belongs to replays: no live trades go there")
    with Publisher(config) as publisher:
        pump = Pump(config, publisher)
        selection = Selection(source, pump)
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(pump.run(source), name="pump"),
            asyncio.create_task(settings_topic.follow(config, selection.change, stop)),
            asyncio.create_task(_report(pump, source, selection)),
            asyncio.create_task(stop.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            source.close()
            for task in tasks:
                if task.done():
                    task.result()
            # What had arrived when the source was closed is still published.
            await tasks[0]
            await tasks[1]
            log.info("stopping: %d records wait for the broker's acknowledgement", publisher.queued)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    log.info("stopped: %s", pump.report())


class Selection:
    """Which symbols are streamed, as the settings say."""

    def __init__(self, source: BinanceSource, pump: Pump) -> None:
        self._source, self._pump = source, pump
        self._wanted: set[str] = set()
        self._pending = False
        self.refused: list[str] = []
        """Symbols beyond what one connection carries."""

    def change(self, settings: Settings) -> None:
        """Take in the newest settings of one instrument."""
        if settings.exchange != EXCHANGE:
            if settings.streaming:
                log.error("%s: no producer for exchange %r", settings.instrument, settings.exchange)
            return
        if settings.streaming == (settings.symbol in self._wanted):
            return
        if settings.streaming:
            log.info("%s: streaming on", settings.instrument)
            self._pump.ids.forget(settings.symbol)
            self._wanted.add(settings.symbol)
        else:
            log.info("%s: streaming off", settings.instrument)
            self._wanted.discard(settings.symbol)
        if not self._pending:
            # The settings of all instruments come one by one: the source is told once.
            self._pending = True
            asyncio.get_running_loop().call_soon(self._apply)

    def _apply(self) -> None:
        self._pending = False
        ordered = sorted(self._wanted)
        self.refused = ordered[STREAMS_MAX:]
        if self.refused:
            log.error(
                "%d symbols are to be streamed, but one Binance connection carries at most %d; not streamed: %s",
                len(ordered),
                STREAMS_MAX,
                ", ".join(self.refused),
            )
        self._source.set_symbols(ordered[:STREAMS_MAX])


async def _until_signalled(config: Config) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await serve(config, BinanceSource(config.binance_stream_url), stop)
    except DeliveryError as error:
        log.critical("TRADES LOST: %s", error)
        return FAILED
    except (StackError, ConnectionError) as error:
        log.critical("%s", error)
        return FAILED
    return 0


async def _report(pump: Pump, source: BinanceSource, selection: Selection) -> None:
    """A status line every ten seconds."""
    while True:
        await asyncio.sleep(STATUS_S)
        counters = source.counters
        log.info(
            "streaming %d; %s; connections %d, reconnects %d, handovers %d%s",
            len(source.streaming),
            pump.report(),
            counters.connections,
            counters.reconnects,
            counters.handovers,
            f"; NOT STREAMED {len(selection.refused)}" if selection.refused else "",
        )
