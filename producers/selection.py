"""Which symbols of which exchange are streamed, as the settings say."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence

from producers.fleet import Feed
from producers.holes import Memory
from schemas.records import Settings

log = logging.getLogger(__name__)


class Selection:
    """Tells each session its symbols. `known` names every exchange there is, also those that others stream."""

    def __init__(self, sessions: Sequence[Feed], memories: Mapping[str, Memory], known: Collection[str]) -> None:
        self._sessions = {session.exchange.name: session for session in sessions}
        self._memories, self._known = memories, known
        self._wanted: dict[str, set[str]] = {name: set() for name in self._sessions}
        self._changed: set[str] = set()

    @property
    def wanted(self) -> dict[str, int]:
        """How many symbols are to be streamed, by exchange."""
        return {name: len(symbols) for name, symbols in self._wanted.items()}

    def change(self, settings: Settings) -> None:
        """Take in the newest settings of one instrument."""
        wanted = self._wanted.get(settings.exchange)
        if wanted is None:
            if settings.streaming and settings.exchange not in self._known:
                log.error("%s: no producer for exchange %r", settings.instrument, settings.exchange)
            return
        if settings.streaming == (settings.symbol in wanted):
            return
        log.info("%s: streaming %s", settings.instrument, "on" if settings.streaming else "off")
        if settings.streaming:
            wanted.add(settings.symbol)
        else:
            wanted.discard(settings.symbol)
            self._memories[settings.exchange].of(settings.symbol).pause()
        if not self._changed:
            # The settings of all instruments come one by one: a session is told once.
            asyncio.get_running_loop().call_soon(self._apply)
        self._changed.add(settings.exchange)

    def _apply(self) -> None:
        for name in self._changed:
            self._sessions[name].set_symbols(self._wanted[name])
        self._changed.clear()
