"""How the dashboard ends: whatever it waits for."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from infra.config import Config
from streams.web.deeds import Deeds
from streams.web.http.guard import Guard
from streams.web.replica.parts import Parts
from streams.web.replica.replica import Replica
from streams.web.service import serve


@pytest.mark.parametrize("hangs", [Replica, Parts])
async def test_it_ends_while_a_server_does_not_answer(
    hangs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = asyncio.Event()

    async def hang(_: object, *__: object) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def idle(_: object, *__: object) -> None:
        await asyncio.Event().wait()

    for kind in (Replica, Parts):
        monkeypatch.setattr(kind, "run", hang if kind is hangs else idle)
    stop = asyncio.Event()
    guard = Guard(tmp_path, "127.0.0.1", "")
    serving = asyncio.create_task(serve(Config(), Deeds({}, {}, []), guard, "127.0.0.1", 0, stop))
    await asyncio.wait_for(waiting.wait(), 10)
    stop.set()
    await asyncio.wait_for(serving, 10)
