"""The producer: streams the trades of every instrument whose settings say so, until it is told to stop.

Each exchange has a session of its own; all publish through one publisher. What to stream is in the compacted settings
topic, so a restart goes on where the last run was.
"""

import asyncio
import logging
import signal
from collections.abc import Sequence
from typing import Any

from infra.config import Config
from infra.deadline import Deadline
from infra.errors import StackError
from producers import settings_topic
from producers.adapter import Adapter
from producers.exchanges import EXCHANGES, adapters
from producers.publisher import DeliveryError, Publisher
from producers.pump import PublishError, Pump
from producers.selection import Selection
from producers.session import Session
from schemas.broker import check_topics, is_replay
from schemas.records import Settings

log = logging.getLogger(__name__)

Task = asyncio.Task[Any]
STATUS_S = 10.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)
STOPPED_WITHIN_S = 10.0
ACKNOWLEDGED_WITHIN_S = 6.0
"""Of a stop: how long the broker has for what it has not acknowledged by then."""
FAILED = 1


def run(config: Config, exchanges: Sequence[str] = ()) -> int:
    """Stream from the exchanges of these names, as `producers.exchanges.adapters` takes them, until SIGTERM or SIGINT.

    Returns the exit code. 0: stopped, and the broker has acknowledged every trade that was received. 1: it has not, or
    something the producer needs is not there; the log says what.
    """
    try:
        chosen = adapters(config, exchanges)
    except ValueError as error:
        log.critical("%s", error)
        return FAILED
    return asyncio.run(_until_signalled(config, chosen))


async def serve(config: Config, sessions: Sequence[Session], stop: asyncio.Event) -> None:
    """Stream until `stop` is set.

    Raises `DeliveryError` for trades that the broker did not acknowledge, `StackError` or `ConnectionError` where
    broker, topics or registry are not there.
    """
    await asyncio.to_thread(_check, config)
    contiguous = {session.exchange.name for session in sessions if session.exchange.contiguous_ids}
    with Publisher(config, end_within_s=ACKNOWLEDGED_WITHIN_S) as publisher:
        pump = Pump(config, publisher, contiguous)
        selection = Selection(sessions, pump.ids, [exchange.name for exchange in EXCHANGES])
        finishing = [
            *(asyncio.create_task(stream(session, pump)) for session in sessions),
            asyncio.create_task(settings_topic.follow(config, Settings, selection.change, stop)),
        ]
        others = [asyncio.create_task(_report(pump, sessions, selection)), asyncio.create_task(stop.wait())]
        await _until_stopped(sessions, finishing, others)
        log.info("stopping: %d records wait for the broker's acknowledgement", publisher.queued)
    for session in sessions:
        log.info("stopped: %s: %s", session.exchange.name, pump.report(session.exchange.name))
    log.info("stopped: %s", pump.total())


def _check(config: Config) -> None:
    check_topics(config)
    if is_replay(config):
        raise StackError(f"HEDGEHOG_TOPIC_PREFIX={config.topic_prefix} belongs to replays: no live trades go there")


async def _until_stopped(sessions: Sequence[Session], finishing: Sequence[Task], others: Sequence[Task]) -> None:
    """Wait until one of the tasks ends, close the sessions, and let those that are `finishing` do so: what had arrived
    when the sessions were closed is still published. Raises what one of them raised."""
    tasks = [*finishing, *others]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for session in sessions:
            session.close()
        for task in tasks:
            if task.done():
                task.result()
        for task in finishing:
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stream(session: Session, pump: Pump) -> None:
    """Publish what a session gives until it is closed. Raises `DeliveryError` and `PublishError` only.

    Any other error is a bug in what is peculiar to an exchange. It is logged and counted, its session begins anew with
    the back-off that it has, and the other exchanges do not notice.
    """
    while True:
        try:
            await pump.run(session)
            return
        except (DeliveryError, PublishError):
            raise
        except Exception:
            session.counters.crashes += 1
            log.exception("%s: the session crashed and begins anew", session.exchange.name)


async def _until_signalled(config: Config, chosen: Sequence[Adapter]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    Deadline("the producer", STOPPED_WITHIN_S).begin_on(*SIGNALS)
    try:
        await serve(config, [Session(adapter) for adapter in chosen], stop)
    except DeliveryError as error:
        log.critical("TRADES LOST: %s", error)
        return FAILED
    except (StackError, ConnectionError) as error:
        log.critical("%s", error)
        return FAILED
    return 0


async def _report(pump: Pump, sessions: Sequence[Session], selection: Selection) -> None:
    """Log a status line for each exchange and one for all every ten seconds."""
    while True:
        await asyncio.sleep(STATUS_S)
        for session in sessions:
            log.info("%s", status(session, pump, len(selection.refused[session.exchange.name])))
        log.info("%s", pump.total())


def status(session: Session, pump: Pump, refused: int) -> str:
    """Return one line on a session for people; `refused` symbols are not streamed."""
    name, counters = session.exchange.name, session.counters
    return (
        f"{name}: streaming {len(session.streaming)}; {pump.report(name)}; connections {counters.connections}, "
        f"reconnects {counters.reconnects}, handovers {counters.handovers}, failures {counters.failures}"
        + (f", CRASHES {counters.crashes}" if counters.crashes else "")
        + (f"; NOT STREAMED {refused}" if refused else "")
    )
