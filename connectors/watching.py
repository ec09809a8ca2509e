"""Looks after the sinks while the pipeline runs: starts those that do not run, and looks at their dead letters."""

import threading
import time
from collections.abc import Callable, Collection, Iterator

from connectors.interface import SinkState, connect_client, start, states
from connectors.letters import Letters
from connectors.pauses import Pauses
from infra.config import Config
from infra.errors import StackError

WATCH_POLL_S = 2.0
IDLE_S = 60.0
"""Kafka Connect leaves tasks unassigned for moments while it shares them out, and sinks are stopped for moments when
they are moved to other offsets."""
IDLE = {"UNASSIGNED": "was given to nobody", "STOPPED": "was stopped and not started again"}


class Restarts:
    """Which sinks to restart and when: a failed one at once, then after pauses as `Pauses` says.

    One that nobody runs, or that was stopped, is restarted like one that has failed after `IDLE_S`.
    """

    def __init__(self) -> None:
        self._pauses = Pauses()
        self._idle: dict[str, float] = {}

    def due(self, sinks: Collection[SinkState], now: float) -> list[tuple[SinkState, str, float]]:
        """Return those to restart at `now`, what is wrong with each, and its pause in seconds."""
        found = []
        for sink in sinks:
            why = self._why(sink, now)
            if not self._pauses.over(sink.name, now):
                continue
            if why is None:
                self._pauses.forget(sink.name)
                continue
            found.append((sink, why, self._pauses.begin(sink.name, now)))
        return found

    def _why(self, sink: SinkState, now: float) -> str | None:
        if sink.state == "FAILED":
            return f"failed: {sink.error}"
        idle = next((state for state in IDLE if state in (sink.state, *sink.tasks)), None)
        if idle is None:
            self._idle.pop(sink.name, None)
            return None
        since = self._idle.setdefault(sink.name, now)
        return f"{IDLE[idle]} for {now - since:.0f} s" if now - since >= IDLE_S else None


def watch(config: Config, stop: threading.Event, say: Callable[[str], None], poll_s: float = WATCH_POLL_S) -> None:
    """Restart sinks as `Restarts` says, and look after their letters, until `stop` is set.

    What goes wrong is said once and tried again, as a server that is away.
    """
    restarts, away = Restarts(), ""
    with Letters(config) as letters:
        while not stop.wait(poll_s):
            try:
                for line in _look(config, restarts, letters, stop):
                    say(line)
                away = ""
            except Exception as error:  # whatever it is: nobody would look after the sinks any more
                said = str(error) if isinstance(error, StackError) else f"looking after the sinks failed: {error!r}"
                if said != away:
                    say(said)
                away = said


def _look(config: Config, restarts: Restarts, letters: Letters, stop: threading.Event) -> Iterator[str]:
    for sink, why, pause in restarts.due(states(config), time.monotonic()):
        yield f"{sink.name} {why}; restarting, next look in {pause:.0f} s"
        with connect_client(config) as client:
            start(client, sink)
    if not stop.is_set():
        yield from letters.look()
