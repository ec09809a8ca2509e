"""What answers requests: pages, files, the stream, questions and actions."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from infra import metrics
from streams.web.deeds import Deeds, NotDone
from streams.web.http.files import Files
from streams.web.http.guard import LOGIN, SESSION, Guard
from streams.web.http.page import TITLES, Pages
from streams.web.http.stream import Hub, events
from streams.web.model.instrument import candles, interval_of
from streams.web.model.search import find
from streams.web.replica.candles import older
from streams.web.replica.jobs import Jobs
from streams.web.replica.replica import Replica

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 64 << 10
ASK_S = 60.0
COOKIE_S = 365 * 86_400
REFUSED = 400
WRONG_PASSWORD_S = 1.0
GOODBYE_S = 1.0
"""Streams have no end of their own: so long a page may still take what it was sent."""


class Dashboard:
    """The web server's side of the dashboard."""

    def __init__(self, replica: Replica, hub: Hub, deeds: Deeds, guard: Guard, jobs: Jobs) -> None:
        self._replica, self._hub, self._guard = replica, hub, guard
        self._questions = deeds.questions
        self._actions = {**deeds.actions, **jobs.actions(deeds.commands)}
        self._pages, self._files = Pages(hub), Files()
        self._wrong = asyncio.Lock()

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[self._guard.middleware()], client_max_size=BODY_BYTES_MAX)
        routes = [
            web.get("/", self._index),
            web.get("/login", self._ask_login),
            web.post("/login", self._login),
            web.get("/healthz", self._health),
            web.get("/metrics", self._metrics),
            web.get("/static/{name:.+}", self._file),
            web.get("/events", self._events),
            web.get("/api/search", self._search),
            web.get("/api/candles", self._candles),
            web.get("/api/ask/{name}", self._ask),
            web.post("/do/{name}", self._do),
            web.get("/instrument/{instrument:.+}", self._instrument),
            *(web.get(f"/{view}", self._page) for view in TITLES if view != "instrument"),
        ]
        app.add_routes(routes)
        return app

    async def _index(self, _: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/market")

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"ready": self._replica.ready.is_set(), "clients": self._hub.clients})

    async def _metrics(self, _: web.Request) -> web.Response:
        with metrics.reading(lambda: [metrics.PAGES.of({"": self._hub.clients})]):
            return web.Response(body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def _file(self, request: web.Request) -> web.Response:
        return self._files.answer(request)

    async def _page(self, request: web.Request) -> web.Response:
        return self._shown(request, request.path.strip("/"), dict(request.query))

    async def _instrument(self, request: web.Request) -> web.Response:
        return self._shown(request, "instrument", dict(request.query) | dict(request.match_info))

    def _shown(self, request: web.Request, view: str, parameters: dict[str, str]) -> web.Response:
        session = self._guard.session_of(request)
        response = self._pages.page(request, view, parameters, self._guard.token(session))
        response.set_cookie(SESSION, session, max_age=COOKIE_S, httponly=True, samesite="Strict", path="/")
        return response

    async def _ask_login(self, request: web.Request) -> web.Response:
        return self._pages.login(request)

    async def _login(self, request: web.Request) -> web.Response:
        form = await request.post()
        if not self._guard.is_password(str(form.get("password", ""))):
            async with self._wrong:  # one guess a second, by whomever
                await asyncio.sleep(WRONG_PASSWORD_S)
            return self._pages.login(request, wrong=True)
        response = web.Response(status=303, headers={"Location": "/market"})
        cookie = self._guard.login_cookie()
        response.set_cookie(LOGIN, cookie, max_age=COOKIE_S, httponly=True, samesite="Strict", path="/")
        return response

    async def _events(self, request: web.Request) -> web.StreamResponse:
        parameters = dict(request.query)
        view = parameters.pop("view", "")
        if view not in TITLES:
            return _refused(f"view: {view!r} is none of {', '.join(TITLES)}")
        return await events(request, self._hub, view, parameters)

    async def _search(self, request: web.Request) -> web.Response:
        return _json(find(self._hub.board, request.query.get("q", "")))

    async def _candles(self, request: web.Request) -> web.Response:
        instrument = request.query.get("instrument", "")
        interval = interval_of(request.query.get("interval", ""))
        before = request.query.get("before", "")
        if not before:
            return _json({"candles": candles(self._hub.board, instrument, interval)})
        if not before.isdecimal() or len(before) > 12:
            return _refused(f"before: {before!r} is no time in seconds")
        return await self._done(lambda _: older(self._replica, instrument, interval, int(before)), {}, request)

    async def _ask(self, request: web.Request) -> web.Response:
        return await self._done(self._questions.get(request.match_info["name"]), dict(request.query), request)

    async def _do(self, request: web.Request) -> web.Response:
        try:
            values = msgspec.json.decode(await request.read())
        except msgspec.DecodeError as error:
            return _refused(f"body: {error}")
        if not isinstance(values, dict):
            return _refused("body: no JSON object")
        return await self._done(self._actions.get(request.match_info["name"]), values, request)

    async def _done(
        self, deed: Callable[[dict[str, Any]], Any] | None, values: dict[str, Any], request: web.Request
    ) -> web.Response:
        if deed is None:
            raise web.HTTPNotFound
        try:
            async with asyncio.timeout(ASK_S):
                return _json(await asyncio.to_thread(deed, values))
        except NotDone as error:
            return _refused(str(error), error.hint)
        except TimeoutError:
            return _refused(f"{request.path}: no answer within {ASK_S:.0f} s")
        except Exception:  # a fault of ours: the page says so, the log says what
            log.exception("%s %s", request.method, request.path)
            return _refused("a fault of the dashboard; its log says more", status=500)


def make_runner(dashboard: Dashboard) -> web.AppRunner:
    """Return what serves it. A page that goes away ends what is being done for it, its stream before all."""
    return web.AppRunner(dashboard.app(), access_log=None, handler_cancellation=True, shutdown_timeout=GOODBYE_S)


def _json(value: Any) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=msgspec.json.encode(value), headers=headers, content_type="application/json")


def _refused(text: str, hint: str = "", status: int = REFUSED) -> web.Response:
    return web.json_response({"error": text, "hint": hint}, status=status)
