"""Carries out what is due at each destination, one call at a time, and writes down how it ended."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infra import metrics
from streams.notify import words
from streams.notify.chat import Board, Chat, Reply, Step, Summary, Tell, next_step, settle
from streams.notify.hub import Hub
from streams.notify.quiet import Quiet
from streams.notify.sinks.outcome import Delivered, Dropped, Held, Message, Outcome, Sink, Uncertain, Unreachable

log = logging.getLogger(__name__)

WAKE_S = 0.5
"""How often a destination looks whether something is due that no event announces."""


@dataclass(frozen=True)
class Destination:
    """One address of one sink."""

    sink: Sink
    address: str

    @property
    def key(self) -> str:
        """How the state calls it."""
        return f"{self.sink.name}:{self.address}"


class Delivery:
    """The destinations of a hub; `save` writes the hub's state down."""

    def __init__(self, hub: Hub, destinations: Sequence[Destination], quiet: Quiet, save: Callable[[], object]) -> None:
        self._hub = hub
        self._quiet = quiet
        self._save = save
        self.destinations = {each.key: each for each in destinations}
        self._wake = {key: asyncio.Event() for key in self.destinations}
        for key, each in self.destinations.items():
            hub.add(key, Chat(interval=each.sink.interval(each.address), has_board=each.sink.has_board))

    def wake(self) -> None:
        """Have every destination look what is due."""
        for event in self._wake.values():
            event.set()

    async def close(self) -> None:
        """Let go of the sinks' connections."""
        for sink in {each.sink for each in self.destinations.values()}:
            await sink.close()

    async def tell(self, destination: Destination, stop: asyncio.Event) -> None:
        """Tell one destination what is due, until `stop` is set; a call that is under way is waited for."""
        chat, event = self._hub.chats[destination.key], self._wake[destination.key]
        while not stop.is_set():
            step = next_step(chat, now(), self._quiet.holds_at(now()))
            if step is None:
                event.clear()
                left = (chat.next_time - now()) / 1_000_000
                await _woken(event, left if left > 0 else WAKE_S)
                continue
            outcome = await self._send(destination, step)
            settle(chat, outcome, now())
            _log(destination, step, outcome)
            metrics.ALERTS.labels(destination.sink.name, type(outcome).__name__.lower()).inc()
            # what was told is on disk before anything else is: a kill repeats one message at most
            self._save()

    async def _send(self, destination: Destination, step: Step) -> Outcome:
        sink, address = destination.sink, destination.address
        match step:
            case Board(message_id):
                standings = self._hub.watched()
                if not standings:
                    return Delivered(message_id)
                message = words.board(standings)
                if message_id is None:
                    return await sink.send(address, message, is_silent=True)
                return await sink.edit(address, message_id, message)
            case _:
                return await sink.send(address, _message(step))


def _message(step: Reply | Tell | Summary) -> Message:
    match step:
        case Reply(message):
            return message
        case Tell(notice):
            return words.alert(notice)
        case Summary(counts):
            return words.summary(counts)


def _log(destination: Destination, step: Step, outcome: Outcome) -> None:
    what, where = type(step).__name__.lower(), destination.sink.name
    match outcome:
        case Held(seconds):
            log.warning("%s: takes nothing for %s s", where, seconds)
        case Uncertain(reason, is_sent):
            log.warning(
                "%s: %s failed (%s), again later%s",
                where,
                what,
                reason,
                "" if is_sent is False else "; it may have arrived",
            )
        case Unreachable(reason):
            log.error("%s: cannot be told anything: %s", where, reason)
        case Dropped(reason):
            log.error("%s: %s is refused and dropped: %s", where, what, reason)


async def _woken(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return


def now() -> int:
    """Return the time in microseconds, UTC."""
    return time.time_ns() // 1_000
