"""Frames: what changed is sent once, at its pace; a slow page costs nothing."""

import asyncio
import contextlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from infra.config import Config
from streams.web.http.stream import Hub
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


def frame(hub: Hub, panels: list[Panel], sent: dict[str, int], whole: bool = False) -> dict[str, Any]:
    hub._tick += 1
    found: dict[str, Any] = json.loads(hub.frame(panels, sent, whole))
    return found


def test_a_frame_has_what_changed_since_the_last_one(hub: Hub) -> None:
    panels, sent = panels_of("market", hub.board, {}), dict[str, int]()
    first = frame(hub, panels, sent, whole=True)
    assert {"strip", "list ", f"card {XRP}", f"spark {XRP}", "alerts", "bots"} <= first["panels"].keys()
    assert frame(hub, panels, sent)["panels"] == {}
    traded(hub.board, XRP, "0.44")
    assert list(frame(hub, panels, sent)["panels"]) == [f"card {XRP}"]
    assert frame(hub, panels, sent)["panels"] == {}


def test_a_change_that_shows_nothing_new_is_not_sent(hub: Hub) -> None:
    panels, sent = panels_of("bots", hub.board, {}), dict[str, int]()
    frame(hub, panels, sent, whole=True)
    hub.board.touch("traded")
    assert "bots" not in frame(hub, panels, sent)["panels"]


async def test_a_panel_with_a_pace_is_put_off_and_then_sent(hub: Hub) -> None:
    count = 0

    def show(_: Board, __: int) -> dict[str, Any]:
        nonlocal count
        count += 1
        return {"count": count}

    panels, sent = [Panel("slow", ("market " + XRP,), show, pace_ms=80)], dict[str, int]()
    frame(hub, panels, sent)
    traded(hub.board, XRP, "0.44")
    assert frame(hub, panels, sent)["panels"] == {}
    await asyncio.sleep(0.1)
    assert frame(hub, panels, sent)["panels"] == {"slow": {"count": 2}}


def test_many_pages_draw_a_panel_once(hub: Hub) -> None:
    drawn = 0

    def show(_: Board, __: int) -> dict[str, Any]:
        nonlocal drawn
        drawn += 1
        return {"price": drawn}

    panel = Panel("price", (f"market {XRP}",), show)
    pages = [dict[str, int]() for _ in range(50)]
    for _ in range(10):
        traded(hub.board, XRP, "0.44")
        hub._tick += 1
        frames = [json.loads(hub.frame([panel], sent, False))["panels"]["price"] for sent in pages]
        assert all(found == frames[0] for found in frames)
    assert drawn == 10


def test_a_board_that_was_loaded_anew_is_sent_whole(hub: Hub) -> None:
    panels, sent = panels_of("market", hub.board, {}), dict[str, int]()
    frame(hub, panels, sent, whole=True)
    other = Board()
    known(other, XRP, "XRP", "USDT", "0.0001", streaming=True)
    traded(other, XRP, "0.99")
    hub._replica.board = other
    assert frame(hub, panels, sent)["panels"][f"card {XRP}"]["price"] == "0.9900"


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
