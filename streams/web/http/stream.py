"""What changes, to every open page: frames of the panels that are not as they were sent last.

Nothing is queued for a page. When its turn comes it gets the newest of what changed since its last frame, and its next
turn comes when the browser has taken that. So a slow page gets fewer frames, and a dead one holds one frame at most.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec
from aiohttp import web

from streams.web.http.guard import HEADERS
from streams.web.model.board import Board
from streams.web.model.panels import Panel, Parameters
from streams.web.model.views import panels_of
from streams.web.replica.replica import Replica

PAUSE_S = 0.02
"""Between two turns: pages would draw more often than a screen shows."""
HEARTBEAT_S = 1.0
WRITE_S = 20.0
"""A page that takes nothing for so long is cut off; it comes back by itself if it lives."""
UNUSED_TICKS = 1_000
"""What nobody has looked at for so many turns is forgotten."""
RETRY_MS = 1_000
NOTHING = 0
"""What a page has seen before its first frame."""

encode = msgspec.json.Encoder().encode


class Drawn(msgspec.Struct):
    """What was made of a panel; `serial` tells it from what was made before."""

    board: Board
    revision: int
    at: int
    data: bytes
    serial: int
    tick: int


class Frame(NamedTuple):
    """What is sent to a page. `seen` says what it has then."""

    data: bytes
    has_news: bool
    seen: int


class Hub:
    """What was drawn, shared by all pages."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._drawn: dict[str, Drawn] = {}
        self._serial = NOTHING
        self._tick = 0
        self._turn: tuple[int, Board] | None = None
        self._frames: dict[tuple[int, tuple[str, ...]], Frame] = {}
        """Those of this turn, by what a page had seen and by its panels."""
        self._wake = asyncio.Event()
        self.boot = secrets.token_hex(4)
        """Tells this process from the one before."""
        self.clients = 0

    @property
    def board(self) -> Board:
        """What is known now."""
        return self._replica.board

    async def run(self) -> None:
        """Let all pages have a turn whenever something has changed, until cancelled.

        Where nothing has, they have one now and then: what a panel put off for its pace is due.
        """
        swept = self._tick
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._replica.changed.wait(), HEARTBEAT_S)
            self._replica.changed.clear()
            self._tick += 1
            wake, self._wake = self._wake, asyncio.Event()
            wake.set()
            if self._tick - swept > UNUSED_TICKS:
                swept = self._tick
                self._forget_unused()
            await asyncio.sleep(PAUSE_S)

    async def turn(self) -> None:
        """Wait for the next turn of the pages."""
        await self._wake.wait()

    def draw(self, panel: Panel, now: int) -> Drawn:
        """Return what is to be shown of a panel at this time (µs)."""
        known, board = self._drawn.get(panel.name), self.board
        if known is not None and known.board is board:
            if known.tick == self._tick:
                return known
            known.tick = self._tick
            age = now - known.at
            revision = board.revision(panel.subjects)
            due = revision != known.revision and age >= panel.pace_ms * 1_000
            if not due and not (panel.refresh_ms and age >= panel.refresh_ms * 1_000):
                return known
        else:
            revision = board.revision(panel.subjects)
        data = encode(panel.show(board, now))
        if known is None or known.data != data:
            self._serial += 1
            self._drawn[panel.name] = Drawn(board, revision, now, data, self._serial, self._tick)
        else:
            known.board, known.revision, known.at, known.tick = board, revision, now, self._tick
        return self._drawn[panel.name]

    def frame(self, panels: Sequence[Panel], seen: int = NOTHING) -> Frame:
        """Return a frame with what was drawn since the frame up to which a page has `seen` all, which pages share."""
        turn = (self._tick, self.board)
        if turn != self._turn:
            self._turn, self._frames = turn, {}
        names = tuple(panel.name for panel in panels)
        if (seen, names) not in self._frames:
            self._frames[seen, names] = self._frame(panels, seen)
        return self._frames[seen, names]

    def _frame(self, panels: Sequence[Panel], seen: int) -> Frame:
        now = time.time_ns() // 1_000
        drawn = [(panel.name, self.draw(panel, now)) for panel in panels]
        parts = [encode(name) + b":" + found.data for name, found in drawn if found.serial > seen]
        whole = str(seen == NOTHING).lower()
        head = f'{{"now":{now // 1_000},"boot":"{self.boot}","whole":{whole},"panels":{{'
        return Frame(head.encode() + b",".join(parts) + b"}}", bool(parts), self._serial)

    def _forget_unused(self) -> None:
        oldest = self._tick - UNUSED_TICKS
        self._drawn = {name: drawn for name, drawn in self._drawn.items() if drawn.tick >= oldest}


async def events(request: web.Request, hub: Hub, view: str, parameters: Parameters) -> web.StreamResponse:
    """Send frames of a page until it is gone."""
    headers = {**HEADERS, "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    hub.clients += 1
    try:
        await _send(response, f"retry: {RETRY_MS}\n\n".encode())
        await _frames(response, hub, view, parameters)
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
    finally:
        hub.clients -= 1
    return response


async def _frames(response: web.StreamResponse, hub: Hub, view: str, parameters: Parameters) -> None:
    board, panels, seen = hub.board, panels_of(view, hub.board, parameters), NOTHING
    number, beat = 0, time.monotonic()
    while True:
        if hub.board is not board:
            board, panels, seen = hub.board, panels_of(view, hub.board, parameters), NOTHING
        frame = hub.frame(panels, seen)
        seen, now = frame.seen, time.monotonic()
        if frame.has_news or now - beat >= HEARTBEAT_S:
            number, beat = number + 1, now
            await _send(response, b"id: %s-%d\ndata: %s\n\n" % (hub.boot.encode(), number, frame.data))
        await hub.turn()


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(data)
