"""The producer: streams the trades of every instrument whose settings say so, until it is told to stop.

Each exchange has a session of its own; all publish through one publisher. What to stream is in the compacted settings
topic, so a restart goes on where the last run was.
"""

import asyncio
import logging
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaException

from infra import metrics
from infra.config import Config
from infra.deadline import Deadline
from infra.errors import StackError
from infra.health import PORTS, Health
from producers import gap_records, settings_topic
from producers.adapter import Adapter
from producers.exchanges import EXCHANGES, adapters
from producers.figures import figures, readiness
from producers.filler import Filler
from producers.fleet import Feed, Fleet
from producers.gap_records import GapRecords
from producers.holes import Memory
from producers.presence import Presence, producers
from producers.publisher import DeliveryError, Publisher
from producers.pump import PublishError, Pump
from producers.reopening import Reopening
from producers.selection import Selection
from producers.tail import restore
from schemas.broker import check_topics, is_replay
from schemas.records import Settings

log = logging.getLogger(__name__)

Task = asyncio.Task[Any]
STATUS_S = 10.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)
STOPPED_WITHIN_S = 10.0
PUBLISHED_WITHIN_S, ACKNOWLEDGED_WITHIN_S = 4.0, 4.5
"""Of a stop: so long what has arrived may take to be published, and what was published to be acknowledged."""
FAILED = 1


def run(config: Config, exchanges: Sequence[str] = ()) -> int:
    """Stream from the exchanges of these names, as `producers.exchanges.adapters` takes them, until SIGTERM or SIGINT.

    Returns the exit code. 0: stopped, and the broker has acknowledged every trade that was received, but for those that
    wait for missing ones: the next start asks for both. 1: it has not, or
    something the producer needs is not there; the log says what.
    """
    try:
        chosen = adapters(config, exchanges)
    except ValueError as error:
        log.critical("%s", error)
        return FAILED
    return asyncio.run(_until_signalled(config, chosen))


async def serve(config: Config, sessions: Sequence[Feed], stop: asyncio.Event) -> None:
    """Stream until `stop` is set, from where the topic ends.

    Raises `DeliveryError` for trades that the broker did not acknowledge, `StackError` or `ConnectionError` where
    broker, topics or registry are not there.
    """
    await asyncio.to_thread(_check, config)
    memories = {session.exchange.name: Memory(session.exchange.name, session.exchange.ids) for session in sessions}
    await asyncio.to_thread(restore, config, memories)
    names = [session.exchange.name for session in sessions]
    await asyncio.to_thread(_tell_of_others, config, names)
    with (
        Presence(config, names),
        Publisher(config, delivery_timeout_s=None, end_within_s=ACKNOWLEDGED_WITHIN_S) as publisher,
    ):
        # what is missing is known to the memories
        pump = Pump(config, publisher, contiguous=())
        records = GapRecords(config, publisher)
        fillers = [Filler(session, memories[session.exchange.name], pump.give, records.tell) for session in sessions]
        reopening = Reopening(config, fillers)
        selection = Selection(sessions, memories, [exchange.name for exchange in EXCHANGES])
        finishing = [
            *(asyncio.create_task(stream(filler, pump)) for filler in fillers),
            asyncio.create_task(settings_topic.follow(config, Settings, selection.change, stop)),
            asyncio.create_task(gap_records.follow(config, reopening.ask, stop)),
        ]
        others = [
            *(asyncio.create_task(filler.run()) for filler in fillers),
            asyncio.create_task(reopening.run()),
            asyncio.create_task(_report(pump, fillers)),
            asyncio.create_task(stop.wait()),
        ]
        loop = asyncio.get_running_loop()
        read = metrics.on_loop(loop, lambda: figures(pump, fillers, publisher.queued))
        ready = metrics.on_loop(loop, lambda: readiness(selection.wanted, fillers))
        with metrics.reading(read), Health(config.worker_host, config.port("producer"), ready, PORTS):
            await _until_stopped(sessions, finishing, others)
        log.info("stopping: %d records wait for the broker's acknowledgement", publisher.queued)
    for memory in memories.values():
        if memory.held:
            log.warning(
                "%s: %d trades waited for missing ones; the next start asks for both", memory.exchange, memory.held
            )
    for session in sessions:
        log.info("stopped: %s: %s", session.exchange.name, pump.report(session.exchange.name))
    log.info("stopped: %s", pump.total())


def _tell_of_others(config: Config, exchanges: Sequence[str]) -> None:
    """Say where somebody streams from the same exchange: who was killed seconds ago seems to do so, too."""
    with suppress(KafkaException):
        for exchange, others in producers(config, exchanges).items():
            if others:
                log.warning("another producer (%s) streams from %s: trades come twice", ", ".join(others), exchange)


def _check(config: Config) -> None:
    check_topics(config)
    if is_replay(config):
        raise StackError(f"HEDGEHOG_TOPIC_PREFIX={config.topic_prefix} belongs to replays: no live trades go there")


async def _until_stopped(sessions: Sequence[Feed], finishing: Sequence[Task], others: Sequence[Task]) -> None:
    """Wait until one of the tasks ends, close the sessions, and let those that are `finishing` do so: what had arrived
    when the sessions were closed is still published, as far as that goes in `PUBLISHED_WITHIN_S`. Raises what one of
    them raised, and `DeliveryError` for what was not published."""
    tasks = [*finishing, *others]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for session in sessions:
            session.close()
        for task in tasks:
            if task.done():
                task.result()
        finished, _ = await asyncio.wait(finishing, timeout=PUBLISHED_WITHIN_S)
        for task in finished:
            task.result()
        left = sum(session.waiting for session in sessions)
        if left:
            raise DeliveryError(f"{left} records that had arrived were not published within {PUBLISHED_WITHIN_S:g} s")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stream(filler: Filler, pump: Pump) -> None:
    """Publish what a session gives, without holes, until it is closed. Raises `DeliveryError` and `PublishError` only.

    Any other error is a bug in what is peculiar to an exchange. It is logged and counted, its session begins anew with
    the back-off that it has, and the other exchanges do not notice.
    """
    while True:
        try:
            await pump.run(filler)
            return
        except (DeliveryError, PublishError):
            raise
        except Exception:
            filler.session.counters.crashes += 1
            log.exception("%s: the session crashed and begins anew", filler.memory.exchange)


async def _until_signalled(config: Config, chosen: Sequence[Adapter]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    Deadline("the producer", STOPPED_WITHIN_S).begin_on(*SIGNALS)
    try:
        await serve(config, [Fleet(adapter) for adapter in chosen], stop)
    except DeliveryError as error:
        log.critical("TRADES LOST: %s", "; ".join([str(error), *getattr(error, "__notes__", ())]))
        return FAILED
    except (StackError, ConnectionError) as error:
        log.critical("%s", error)
        return FAILED
    return 0


async def _report(pump: Pump, fillers: Sequence[Filler]) -> None:
    """Log a status line for each exchange and one for all every ten seconds."""
    while True:
        await asyncio.sleep(STATUS_S)
        for filler in fillers:
            log.info("%s", status(filler, pump))
        log.info("%s", pump.total())


def status(filler: Filler, pump: Pump) -> str:
    """Return one line on an exchange for people."""
    session, holes = filler.session, filler.memory.gaps
    name, counters = session.exchange.name, session.counters
    return (
        f"{name}: streaming {len(session.streaming)}; {pump.report(name)}; connections {counters.connections}, "
        f"reconnects {counters.reconnects}, handovers {counters.handovers}, failures {counters.failures}"
        + (f", CRASHES {counters.crashes}" if counters.crashes else "")
        + (f"; FILLING {holes} gaps" if holes else "")
    )
