"""Frames: what changed is sent once, at its pace; a slow page costs nothing."""

import asyncio
import contextlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from infra.config import Config
from streams.web.http.stream import NOTHING, Hub
from streams.web.model.board import Board
from streams.web.model.panels import Panel
from streams.web.model.views import panels_of
from streams.web.replica.replica import Replica
from tests.unit.streams.web.boards import known, traded
from tests.unit.streams.web.test_guard import Server

XRP = "binance:XRPUSDT"


@pytest.fixture
def hub() -> Hub:
    replica = Replica(Config())
    known(replica.board, XRP, "XRP", "USDT", "0.0001", streaming=True)
    traded(replica.board, XRP, "0.42", "0.43")
    return Hub(replica)


class Page:
    """A page that is open."""

    def __init__(self, hub: Hub, panels: list[Panel]) -> None:
        self._hub, self._panels, self._seen = hub, panels, NOTHING

    def frame(self) -> dict[str, Any]:
        """What it gets at its next turn."""
        self._hub._tick += 1
        return self.again()

    def again(self) -> dict[str, Any]:
        made = self._hub.frame(self._panels, self._seen)
        self._seen = made.seen
        found: dict[str, Any] = json.loads(made.data)
        assert made.has_news == bool(found["panels"])
        return found


def test_a_frame_has_what_changed_since_the_last_one(hub: Hub) -> None:
    page = Page(hub, panels_of("market", hub.board, {}))
    first = page.frame()
    assert first["whole"]
    assert {"strip", "list ", f"card {XRP}", f"spark {XRP}", "alerts", "bots"} <= first["panels"].keys()
    assert page.frame()["panels"] == {}
    traded(hub.board, XRP, "0.44")
    assert list(page.frame()["panels"]) == [f"card {XRP}"]
    assert page.frame()["panels"] == {}


def test_a_change_that_shows_nothing_new_is_not_sent(hub: Hub) -> None:
    page = Page(hub, panels_of("bots", hub.board, {}))
    page.frame()
    hub.board.touch("traded")
    assert "bots" not in page.frame()["panels"]


async def test_a_panel_with_a_pace_is_put_off_and_then_sent(hub: Hub) -> None:
    count = 0

    def show(_: Board, __: int) -> dict[str, Any]:
        nonlocal count
        count += 1
        return {"count": count}

    page = Page(hub, [Panel("slow", ("market " + XRP,), show, pace_ms=80)])
    page.frame()
    traded(hub.board, XRP, "0.44")
    assert page.frame()["panels"] == {}
    await asyncio.sleep(0.1)
    assert page.frame()["panels"] == {"slow": {"count": 2}}


def test_many_pages_draw_a_panel_once(hub: Hub) -> None:
    drawn = 0

    def show(_: Board, __: int) -> dict[str, Any]:
        nonlocal drawn
        drawn += 1
        return {"price": drawn}

    panel, other = Panel("price", (f"market {XRP}",), show), Panel("other", (), lambda *_: {})
    pages = [Page(hub, panels) for panels in ([panel], [panel, other]) for _ in range(25)]
    for _ in range(10):
        hub._tick += 1
        frames = []
        for page in pages:  # trades come while the pages have their turn
            traded(hub.board, XRP, "0.44")
            frames.append(page.again()["panels"]["price"])
        assert all(found == frames[0] for found in frames)
    assert drawn == 10


def test_a_page_that_missed_a_turn_gets_what_changed_in_both(hub: Hub) -> None:
    known(hub.board, "binance:ETHUSDT", "ETH", "USDT", streaming=True)
    traded(hub.board, "binance:ETHUSDT", "1")
    panels = panels_of("market", hub.board, {})
    quick, slow = Page(hub, panels), Page(hub, panels)
    assert quick.frame() == slow.again()
    traded(hub.board, XRP, "0.44")
    assert list(quick.frame()["panels"]) == [f"card {XRP}"]
    traded(hub.board, "binance:ETHUSDT", "2")
    assert list(quick.frame()["panels"]) == ["card binance:ETHUSDT"]
    assert list(slow.again()["panels"]) == ["card binance:ETHUSDT", f"card {XRP}"]
    assert slow.frame()["panels"] == {}


def test_pages_that_have_seen_the_same_share_a_frame_of_a_turn(hub: Hub) -> None:
    panels = panels_of("market", hub.board, {})
    first = hub.frame(panels)
    assert hub.frame(panels_of("market", hub.board, {})) is first
    assert hub.frame(panels[:1]).data != first.data
    hub._tick += 1
    assert hub.frame(panels) is not first


def test_a_board_that_was_loaded_anew_is_sent_whole(hub: Hub) -> None:
    page = Page(hub, panels_of("market", hub.board, {}))
    page.frame()
    other = Board()
    known(other, XRP, "XRP", "USDT", "0.0001", streaming=True)
    traded(other, XRP, "0.99")
    hub._replica.board = other
    assert page.frame()["panels"][f"card {XRP}"]["price"] == "0.9900"


async def test_a_page_that_takes_nothing_costs_bounded_memory(tmp_path: Path) -> None:
    """It connects, reads nothing, and much changes: what waits for it is the newest frame and the system's buffer."""
    server = Server(tmp_path)
    board = server.hub.board
    keys = [f"binance:COIN{number}" for number in range(20)]
    for key in keys:
        known(board, key, key[8:], "USDT", streaming=True)
        traded(board, key, "1")
    await server.start()
    running = asyncio.create_task(server.hub.run())
    stalled = [await asyncio.open_connection("127.0.0.1", server.port, limit=1_000) for _ in range(5)]
    for _, writer in stalled:
        writer.write(f"GET /events?view=market HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
    await asyncio.sleep(0.3)
    assert server.hub.clients == 5
    tracemalloc.start()
    for price in range(30):
        for key in keys:
            traded(board, key, str(price + 1))
        server.hub._replica.changed.set()
        await asyncio.sleep(0.02)
        if price == 10:
            before = tracemalloc.get_traced_memory()[0]
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 2_000_000
    for _, writer in stalled:
        writer.transport.abort()
    await asyncio.sleep(0.5)
    assert server.hub.clients == 0
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await server.runner.cleanup()
