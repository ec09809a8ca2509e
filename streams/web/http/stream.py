"""What changes, to every open page: frames of the panels that are not as they were sent last.

Nothing is queued for a page. When its turn comes it gets the newest of what changed since its last frame, and its next
turn comes when the browser has taken that. So a slow page gets fewer frames, and a dead one holds one frame at most.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress

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

encode = msgspec.json.Encoder().encode


class Drawn(msgspec.Struct):
    """What was made of a panel; `serial` tells it from what was made before."""

    board: Board
    revision: int
    at: int
    data: bytes
    serial: int
    tick: int


class Hub:
    """What was drawn, shared by all pages."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._drawn: dict[str, Drawn] = {}
        self._serial = 0
        self._tick = 0
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

    def frame(self, panels: Sequence[Panel], sent: dict[str, int], whole: bool) -> bytes:
        """Return a frame with what changed since what was `sent`, which is noted there; with `whole` all of it."""
        now = time.time_ns() // 1_000
        parts = []
        for panel in panels:
            drawn = self.draw(panel, now)
            if whole or sent.get(panel.name) != drawn.serial:
                sent[panel.name] = drawn.serial
                parts.append(encode(panel.name) + b":" + drawn.data)
        head = f'{{"now":{now // 1_000},"boot":"{self.boot}","whole":{str(whole).lower()},"panels":{{'
        return head.encode() + b",".join(parts) + b"}}"

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
    board, panels = hub.board, panels_of(view, hub.board, parameters)
    sent: dict[str, int] = {}
    number, beat, whole = 0, time.monotonic(), True
    while True:
        if hub.board is not board:
            board, panels, whole = hub.board, panels_of(view, hub.board, parameters), True
        data = hub.frame(panels, sent, whole)
        now = time.monotonic()
        is_empty = data.endswith(b'"panels":{}}')
        if whole or not is_empty or now - beat >= HEARTBEAT_S:
            number, beat = number + 1, now
            await _send(response, b"id: %s-%d\ndata: %s\n\n" % (hub.boot.encode(), number, data))
        whole = False
        await hub.turn()


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(data)
