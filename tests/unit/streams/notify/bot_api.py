"""A local server of the Bot API: what arrives, when, and the faults that it is told to have."""

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

TOKEN = "123456:local-secret-token"

Fault = Callable[["BotApi", web.Request, dict[str, str]], Any]
"""Answers a call in place of the server; `deliver` makes it arrive all the same."""


class BotApi:
    """Takes calls of one bot. `faults` are spent one a sending call, `None` for none; a chat's id may be blocked."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, str, dict[str, str]]] = []
        """Monotonic time, method and parameters of each call."""
        self.texts: list[str] = []
        """Of the messages that arrived, the newest text."""
        self.edits: list[tuple[int, str]] = []
        self.answers: list[dict[str, str]] = []
        self.faults: deque[Fault | None] = deque()
        self.poll_faults: deque[Fault | None] = deque()
        self.blocked: set[str] = set()
        self.updates: list[dict[str, Any]] = []
        self.confirmed = 0
        self.has_webhook = False
        self.arrived = asyncio.Event()
        self._url = ""

    @property
    def url(self) -> str:
        return self._url

    def times(self, *methods: str) -> list[float]:
        return [when for when, method, _ in self.calls if method in methods]

    def say(self, text: str, chat: int = 7, user: int = 7) -> int:
        """Have somebody write to the bot; return the id of the update."""
        about = {"id": chat, "type": "private" if chat > 0 else "group", "first_name": "x", "title": "x"}
        message = {"message_id": 1, "date": int(time.time()), "chat": about, "from": _user(user), "text": text}
        return self._update({"message": message})

    def press(self, data: str, chat: int = 7, user: int = 7) -> int:
        """Have somebody press a button."""
        about = {"id": chat, "type": "private" if chat > 0 else "group", "first_name": "x", "title": "x"}
        message = {"message_id": 1, "date": int(time.time()), "chat": about, "text": "x"}
        query = {"id": "1", "from": _user(user), "chat_instance": "1", "data": data, "message": message}
        return self._update({"callback_query": query})

    def _update(self, content: dict[str, Any]) -> int:
        update_id = 100 + len(self.updates)
        self.updates.append({"update_id": update_id, **content})
        self.arrived.set()
        return update_id

    def deliver(self, given: dict[str, str]) -> dict[str, Any]:
        """Let a message arrive."""
        self.texts.append(given["text"])
        chat = {"id": int(given["chat_id"]), "type": "private"}
        return {"message_id": len(self.texts), "date": 1, "chat": chat, "text": given["text"]}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        given = {name: str(value) for name, value in (await request.post()).items()}
        self.calls.append((time.monotonic(), method, given))
        if request.match_info["token"] != TOKEN:
            return failed(401, "Unauthorized")
        if method in ("sendMessage", "editMessageText"):
            fault = self.faults.popleft() if self.faults else None
            if fault is not None:
                answer: web.StreamResponse = await fault(self, request, given)
                return answer
            if given["chat_id"] in self.blocked:
                return failed(403, "Forbidden: bot was blocked by the user")
        return await getattr(self, f"_{method}")(request, given)  # type: ignore[no-any-return]

    async def _getMe(self, _: web.Request, __: dict[str, str]) -> web.Response:
        return fine({"id": 1, "is_bot": True, "first_name": "hedgehog", "username": "hedgehog_bot"})

    async def _sendMessage(self, _: web.Request, given: dict[str, str]) -> web.Response:
        return fine(self.deliver(given))

    async def _editMessageText(self, _: web.Request, given: dict[str, str]) -> web.Response:
        number = int(given["message_id"])
        if not 1 <= number <= len(self.texts):
            return failed(400, "Bad Request: message to edit not found")
        if self.texts[number - 1] == given["text"]:
            return failed(400, "Bad Request: message is not modified: specified new message content is the same")
        self.texts[number - 1] = given["text"]
        self.edits.append((number, given["text"]))
        return fine({"message_id": number, "date": 1, "chat": {"id": int(given["chat_id"]), "type": "private"}})

    async def _answerCallbackQuery(self, _: web.Request, given: dict[str, str]) -> web.Response:
        self.answers.append(given)
        return fine(True)

    async def _setMyCommands(self, _: web.Request, given: dict[str, str]) -> web.Response:
        return fine(True)

    async def _deleteWebhook(self, _: web.Request, __: dict[str, str]) -> web.Response:
        self.has_webhook = False
        return fine(True)

    async def _getUpdates(self, request: web.Request, given: dict[str, str]) -> web.StreamResponse:
        fault = self.poll_faults.popleft() if self.poll_faults else None
        if fault is not None:
            answer: web.StreamResponse = await fault(self, request, given)
            return answer
        if self.has_webhook:
            return failed(409, "Conflict: can't use getUpdates method while webhook is active")
        self.confirmed = max(self.confirmed, int(given.get("offset", 0)))
        deadline = time.monotonic() + min(float(given.get("timeout", 0)), 50)
        while True:
            found = [update for update in self.updates if update["update_id"] >= self.confirmed]
            if found or time.monotonic() >= deadline:
                return fine(found)
            self.arrived.clear()
            try:
                await asyncio.wait_for(self.arrived.wait(), deadline - time.monotonic())
            except TimeoutError:
                continue


def _user(user: int) -> dict[str, Any]:
    return {"id": user, "is_bot": False, "first_name": "Somebody"}


def fine(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def failed(code: int, description: str, **parameters: int) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        body["parameters"] = parameters
    return web.Response(status=code, text=json.dumps(body), content_type="application/json")


def too_many(seconds: int) -> Fault:
    """429 as Telegram says it."""

    async def fault(api: BotApi, request: web.Request, given: dict[str, str]) -> web.StreamResponse:
        return failed(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)

    return fault


def too_many_in_html(seconds: int) -> Fault:
    """429 as a proxy before it says it."""

    async def fault(api: BotApi, request: web.Request, given: dict[str, str]) -> web.StreamResponse:
        page = "<html><h1>429 Too Many Requests</h1></html>"
        return web.Response(status=429, text=page, content_type="text/html", headers={"Retry-After": str(seconds)})

    return fault


def code(status: int, description: str, *, arrives: bool = False) -> Fault:
    """An answer with an error; the message arrives all the same, or not."""

    async def fault(api: BotApi, request: web.Request, given: dict[str, str]) -> web.StreamResponse:
        if arrives:
            api.deliver(given)
        return failed(status, description)

    return fault


def bad_gateway_page() -> Fault:
    """502 as a page of a proxy, with nothing of the Bot API in it."""

    async def fault(api: BotApi, request: web.Request, given: dict[str, str]) -> web.StreamResponse:
        return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")

    return fault


def cut(*, arrives: bool) -> Fault:
    """The connection breaks, before or after the message arrived."""

    async def fault(api: BotApi, request: web.Request, given: dict[str, str]) -> web.StreamResponse:
        if arrives:
            api.deliver(given)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return fault


def hang(seconds: float, *, arrives: bool) -> Fault:
    """No answer for so long."""

    async def fault(api: BotApi, request: web.Request, given: dict[str, str]) -> web.StreamResponse:
        if arrives:
            api.deliver(given)
        await asyncio.sleep(seconds)
        return failed(500, "too late")

    return fault


@asynccontextmanager
async def bot_api() -> AsyncIterator[BotApi]:
    """A server that listens on 127.0.0.1."""
    api = BotApi()
    app = web.Application()
    app.router.add_post("/bot{token}/{method}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    api._url = f"http://127.0.0.1:{port}"
    try:
        yield api
    finally:
        await runner.cleanup()


class BotApiThread:
    """The server in a thread of its own."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with bot_api() as self.api:
            self._ready.set()
            await self._stop.wait()

    api: BotApi

    def say(self, text: str) -> None:
        self._loop.call_soon_threadsafe(self.api.say, text)

    def press(self, data: str) -> None:
        self._loop.call_soon_threadsafe(self.api.press, data)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
