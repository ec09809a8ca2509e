"""REST calls within an exchange's limits: what a refusal costs whom, and how a budget is kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from producers.adapter import HistoryUnavailable, Newest
from producers.rest import AGAIN_S, BANNED_S, Budget, Rest, one_by_one, retry_after_s

NOW = 1_795_712_400.0
"""2026-11-26T17:00:00Z"""
AMPLE = Budget(weight=1_000, seconds=1, burst=1_000)


class Server:
    """Answers each call by the next of `answers`, status and `Retry-After`, with 200 after the last."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.calls: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.calls.append(request.path_qs)
        status, wait = self.answers.pop(0) if self.answers else (200, "")
        return web.Response(status=status, text=f"answer {status}", headers={"Retry-After": wait} if wait else {})


@asynccontextmanager
async def served() -> AsyncIterator[Server]:
    server, app = Server(), web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield server
    finally:
        await runner.cleanup()


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def rest(server: Server, time: Time, budget: Budget = AMPLE) -> Rest:
    return Rest(server.url, budget, time.clock, lambda: NOW, time.sleep)


# status, Retry-After → the seconds to wait, whether everybody waits
REFUSALS = {
    "too many, in seconds": (429, "7", 7.0, True),
    "too many, until a date": (429, "Thu, 26 Nov 2026 17:01:00 GMT", 60.0, True),
    "too many, no time": (429, "", AGAIN_S, True),
    "too many, a time that cannot be read": (429, "soon", AGAIN_S, True),
    "banned": (418, "", BANNED_S, True),
    "banned, in seconds": (418, "300", 300.0, True),
    "out of order": (503, "", AGAIN_S, False),
    "out of order, in seconds": (503, "9", 9.0, True),
    "not from here": (451, "", None, False),
    "unknown": (404, "5", None, False),
}


@pytest.mark.parametrize(("status", "wait", "again_s", "all_wait"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal(status: int, wait: str, again_s: float | None, all_wait: bool) -> None:
    time = Time()
    async with served() as server:
        server.answers = [(status, wait)]
        client = rest(server, time)
        with pytest.raises(HistoryUnavailable, match=f"/a: HTTP {status}: answer {status}") as refused:
            await client.get("/a", {})
        assert refused.value.again_s == again_s
        if all_wait:
            assert again_s is not None
            time.now += again_s - 1
            with pytest.raises(HistoryUnavailable, match=f"HTTP {status}") as heard:
                await client.get("/b", {})
            assert heard.value.again_s == 1
            assert server.calls == ["/a"]
            time.now += 1
        assert await client.get("/b", {"x": 1}) == b"answer 200"
        assert server.calls == ["/a", "/b?x=1"]


async def test_nobody_there() -> None:
    client = Rest("http://127.0.0.1:1", AMPLE)
    with pytest.raises(HistoryUnavailable, match="/a: ") as refused:
        await client.get("/a", {})
    assert refused.value.again_s == AGAIN_S


async def test_a_budget_is_kept() -> None:
    time = Time()
    async with served() as server:
        client = rest(server, time, Budget(weight=60, seconds=60, burst=50))
        await asyncio.gather(client.get("/a", {}, 25), client.get("/b", {}, 25))
        assert time.now == 100
        await client.get("/c", {}, 25)
        assert time.now == 125
        await client.get("/d", {}, 10)
        assert time.now == 135
        time.now += 1_000
        await client.get("/e", {}, 50)
        assert time.now == 1_135
        await client.get("/f", {}, 1)
        assert time.now == 1_136


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("0", 0),
        (" 30 ", 30),
        ("-5", 0),
        ("1.5", 0),
        ("Thu, 26 Nov 2026 17:00:30 GMT", 30),
        ("Thu, 26 Nov 2026 16:00:00 GMT", 0),
        ("Thursday, 26-Nov-26 17:00:30 GMT", 30),
    ],
)
def test_retry_after(text: str, expected: float) -> None:
    assert retry_after_s(text, NOW) == expected


@pytest.mark.parametrize(
    ("answers", "found", "asked"),
    [
        ({"A": 1, "B": 2}, ["A", "B"], "AB"),
        ({"A": HistoryUnavailable("gone", None), "B": 2}, ["B"], "AB"),
        ({"A": 1, "B": HistoryUnavailable("later", 5.0), "C": 3}, ["A"], "AB"),
        ({"A": HistoryUnavailable("gone", None), "B": HistoryUnavailable("later", 5.0), "C": 3}, "later", "AB"),
        ({}, [], ""),
    ],
)
async def test_symbols_are_asked_for_one_by_one(
    answers: dict[str, int | HistoryUnavailable], found: list[str] | str, asked: str
) -> None:
    calls = []

    async def ask(symbol: str) -> Newest:
        calls.append(symbol)
        answer = answers[symbol]
        if isinstance(answer, HistoryUnavailable):
            raise answer
        return Newest(symbol, answer)

    if isinstance(found, str):
        with pytest.raises(HistoryUnavailable, match=found):
            await one_by_one("".join(answers), ask)
    else:
        assert [newest.symbol for newest in await one_by_one("".join(answers), ask)] == found
    assert "".join(calls) == asked
