"""Who may ask for what, over HTTP: a server of the real application, without a broker."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from infra.config import Config
from streams.web.deeds import Command, Deeds, NotDone, Values
from streams.web.http.app import Dashboard, make_runner
from streams.web.http.guard import TOKEN_HEADER, Guard, load_key
from streams.web.http.stream import Hub
from streams.web.replica.jobs import Jobs
from streams.web.replica.replica import Replica

HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(2)>'


class Server:
    """The dashboard on a free port, made in a loop; `done` is what was asked of it."""

    def __init__(
        self, folder: Path, password: str = "", commands: Mapping[str, Callable[[Values], Command]] | None = None
    ) -> None:
        self.done: list[tuple[str, Any]] = []
        replica = Replica(Config())
        guard = Guard(folder, "127.0.0.1", password)
        deeds = Deeds({"stop": self._stop}, {"why": self._why}, [], commands or {})
        self.hub = Hub(replica)
        self.jobs = Jobs(replica)
        self.runner = make_runner(Dashboard(replica, self.hub, deeds, guard, self.jobs))

    def _stop(self, values: Values) -> dict[str, Any]:
        self.done.append(("stop", values))
        return {"changed": [values.get("instrument")]}

    def _why(self, _: Values) -> Any:
        raise NotDone("no such order", "hedgehog orders list")

    async def start(self) -> str:
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.port = self.runner.addresses[0][1]
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    made = Server(tmp_path)
    async with httpx.AsyncClient(base_url=await made.start(), trust_env=False) as client:
        yield made, client
    await made.runner.cleanup()


@pytest.fixture
async def locked(tmp_path: Path) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    made = Server(tmp_path, password="open sesame")
    async with httpx.AsyncClient(base_url=await made.start(), trust_env=False) as client:
        yield made, client
    await made.runner.cleanup()


async def token_of(client: httpx.AsyncClient) -> str:
    page = (await client.get("/market")).text
    return page.split('name="hedgehog-token" content="')[1].split('"')[0]


async def post(client: httpx.AsyncClient, **changed: str | None) -> httpx.Response:
    """A change as our page asks for it, with some headers changed or left out."""
    headers = {TOKEN_HEADER: await token_of(client), "Origin": str(client.base_url).rstrip("/"), **changed}
    kept = {name: value for name, value in headers.items() if value is not None}
    return await client.post("/do/stop", json={"instrument": "binance:XRPUSDT"}, headers=kept)


async def test_a_change_that_our_page_asks_for_is_done(server: tuple[Server, httpx.AsyncClient]) -> None:
    made, client = server
    answer = await post(client)
    assert (answer.status_code, answer.json()) == (200, {"changed": ["binance:XRPUSDT"]})
    assert made.done == [("stop", {"instrument": "binance:XRPUSDT"})]


@pytest.mark.parametrize(
    "changed",
    [
        {TOKEN_HEADER: None},
        {TOKEN_HEADER: "0" * 64},
        {"Origin": None},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "text/plain"},
        {"Cookie": "hedgehog=another"},
    ],
    ids=str,
)
async def test_a_change_from_elsewhere_is_refused(
    server: tuple[Server, httpx.AsyncClient], changed: dict[str, str | None]
) -> None:
    made, client = server
    answer = await post(client, **changed)
    assert answer.status_code == 403
    assert made.done == []


@pytest.mark.parametrize("raw", [b"\xff\xfe", "h\u00e9risson".encode()])
async def test_bytes_of_any_kind_are_refused_and_harm_nobody(
    server: tuple[Server, httpx.AsyncClient], locked: tuple[Server, httpx.AsyncClient], raw: bytes
) -> None:
    origin = str(server[1].base_url).rstrip("/").encode()
    json_type = (b"Content-Type", b"application/json")
    for token, cookie in ((raw, b"hedgehog=x"), (b"0", b"hedgehog=" + raw)):
        headers = [(b"Origin", origin), json_type, (TOKEN_HEADER.encode(), token), (b"Cookie", cookie)]
        assert (await server[1].post("/do/stop", content=b"{}", headers=headers)).status_code == 403
    answer = await locked[1].get("/market", headers=[(b"Cookie", b"hedgehog-login=" + raw)])
    assert answer.status_code == 401


async def test_a_name_that_is_not_ours_is_refused(server: tuple[Server, httpx.AsyncClient]) -> None:
    made, client = server
    for host in ("evil.example", f"evil.example:{made.port}", "127.0.0.1.evil.example", ""):
        assert (await client.get("/market", headers={"Host": host})).status_code in (400, 421)
    assert (await client.get("/market", headers={"Host": f"localhost:{made.port}"})).status_code == 200


async def test_a_form_of_another_site_does_nothing(server: tuple[Server, httpx.AsyncClient]) -> None:
    made, client = server
    await client.get("/market")
    headers = {"Origin": "http://evil.example"}
    assert (await client.post("/do/stop", data={"instrument": "x"}, headers=headers)).status_code == 403
    assert made.done == []


async def test_every_answer_has_the_policy(server: tuple[Server, httpx.AsyncClient]) -> None:
    _, client = server
    for path in ("/market", "/static/app.js", "/api/search?q=x", "/healthz", "/login"):
        headers = (await client.get(path)).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self'"), path
        assert headers["X-Content-Type-Options"] == "nosniff"
    cookie = (await client.get("/market", headers={"Cookie": ""})).headers["Set-Cookie"]
    assert "SameSite=Strict" in cookie
    assert "HttpOnly" in cookie


async def test_the_page_has_no_code_in_it_and_asks_for_nothing_elsewhere(
    server: tuple[Server, httpx.AsyncClient],
) -> None:
    _, client = server
    page = (await client.get("/market")).text
    assert "<style" not in page
    assert " style=" not in page
    assert "onclick" not in page
    scripts = [part.split(">")[0] for part in page.split("<script")[1:]]
    assert all('src="/static/' in script or 'type="application/json"' in script for script in scripts)


async def test_what_comes_from_outside_is_no_markup(server: tuple[Server, httpx.AsyncClient]) -> None:
    _, client = server
    page = (await client.get("/market", params={"keys": f"evil:{HOSTILE}"})).text
    assert "<img" not in page
    assert page.count("<script") == 3
    page = (await client.get(f"/instrument/evil:{HOSTILE.replace('/', '')}")).text
    assert "<img" not in page


async def test_a_refusal_is_told_with_its_hint(server: tuple[Server, httpx.AsyncClient]) -> None:
    _, client = server
    answer = await client.get("/api/ask/why", params={"order": "x"})
    assert (answer.status_code, answer.json()) == (400, {"error": "no such order", "hint": "hedgehog orders list"})
    assert (await client.get("/api/ask/nothing")).status_code == 404
    assert (await client.get("/events", params={"view": "nothing"})).status_code == 400
    assert (await client.get("/static/../app.py")).status_code == 404


async def test_a_token_outlives_the_server(tmp_path: Path) -> None:
    first, second = (Guard(tmp_path, "127.0.0.1", "") for _ in range(2))
    assert first.token("session") == second.token("session")
    assert (tmp_path / "dashboard.key").stat().st_mode & 0o777 == 0o600
    assert load_key(tmp_path / "other") != load_key(tmp_path)


async def test_with_a_password_nothing_is_shown_without_it(locked: tuple[Server, httpx.AsyncClient]) -> None:
    made, client = locked
    for path in ("/market", "/events?view=market", "/api/search?q=x", "/api/candles?instrument=a:b"):
        assert (await client.get(path)).status_code == 401, path
    sent = await client.get("/market", headers={"Accept": "text/html"})
    assert (sent.status_code, sent.headers["Location"]) == (303, "/login")
    origin = {"Origin": str(client.base_url).rstrip("/")}
    wrong = await client.post("/login", data={"password": "guess"}, headers=origin)
    assert "not the password" in wrong.text
    assert "hedgehog-login" not in client.cookies
    elsewhere = await client.post("/login", data={"password": "open sesame"}, headers={"Origin": "http://evil.example"})
    assert elsewhere.status_code == 403
    right = await client.post("/login", data={"password": "open sesame"}, headers=origin)
    assert right.status_code == 303
    assert (await client.get("/market")).status_code == 200
    assert (await post(client)).status_code == 200
    assert len(made.done) == 1


async def test_files_are_packed_and_asked_for_again(server: tuple[Server, httpx.AsyncClient]) -> None:
    _, client = server
    whole = await client.get("/static/app.css")
    assert whole.headers["Content-Encoding"] == "gzip"
    again = await client.get("/static/app.css", headers={"If-None-Match": whole.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
