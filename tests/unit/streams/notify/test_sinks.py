"""The other sinks: a webhook against a real server, stdout, Apprise; and who is told, by the configuration."""

import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from infra.config import Config
from streams.notify.destinations import NotConfigured, destinations, secrets
from streams.notify.logs import Redacted, Seldom
from streams.notify.sinks.apprise import Apprise
from streams.notify.sinks.outcome import Delivered, Dropped, Held, Message, Outcome, Uncertain, Unreachable
from streams.notify.sinks.stdout import Stdout
from streams.notify.sinks.webhook import Webhook

MESSAGE = Message("up", "more\nand more", facts={"id": "x:1", "time": "2026-11-26T12:00:00.000000Z"})


@asynccontextmanager
async def hook(status: int, **headers: str) -> AsyncIterator[tuple[str, list[Any]]]:
    """A server that answers so; its URL, and the bodies that arrived."""
    bodies: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.Response(status=status, headers=headers)

    app = web.Application()
    app.router.add_post("/hook", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", bodies
    await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Delivered()),
        (204, {}, Delivered()),
        (429, {"Retry-After": "7"}, Held(7)),
        (429, {}, Held(30)),
        (503, {"Retry-After": "3"}, Held(3)),
        (503, {"Retry-After": "Thu, 26 Nov 2026 12:00:00 GMT"}, Held(30)),
        (500, {}, Uncertain("HTTP 500")),
        (400, {}, Dropped("HTTP 400")),
        (422, {}, Dropped("HTTP 422")),
        (404, {}, Unreachable("HTTP 404")),
        (302, {}, Unreachable("HTTP 302")),
    ],
)
async def test_a_webhooks_answers(status: int, headers: dict[str, str], outcome: Outcome) -> None:
    sink = Webhook()
    async with hook(status, **headers) as (url, bodies):
        assert await sink.send(url, MESSAGE) == outcome
    assert bodies == [
        {"headline": "up", "detail": "more\nand more", "id": "x:1", "time": "2026-11-26T12:00:00.000000Z"}
    ]
    await sink.close()


async def test_a_webhook_that_is_not_there_has_nothing() -> None:
    sink = Webhook()
    assert await sink.send("http://127.0.0.1:1/hook", MESSAGE) == Uncertain("ConnectError", False)
    await sink.close()


async def test_stdout_gets_a_line_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert await Stdout().send("-", MESSAGE) == Delivered()
    assert capsys.readouterr().out == "2026-11-26T12:00:00.000000Z up | more | and more\n"


async def test_apprise_hands_it_over() -> None:
    pytest.importorskip("apprise")
    sink = Apprise()
    async with hook(200) as (url, bodies):
        assert await sink.send(url.replace("http://", "json://"), MESSAGE) == Delivered()
    assert (bodies[0]["title"], bodies[0]["message"]) == ("up", "more\nand more")
    async with hook(500) as (url, _):
        outcome = await sink.send(url.replace("http://", "json://"), MESSAGE)
    assert isinstance(outcome, Uncertain)


def config(**values: str) -> Config:
    return Config(_env_file=None, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "names", "keys"),
    [
        ({}, [], ["stdout:-"]),
        ({"telegram_token": "1:a", "telegram_chats": "7,-8,7"}, [], ["telegram:7", "telegram:-8"]),
        ({"telegram_token": "1:a"}, [], []),
        ({"telegram_token": "1:a", "telegram_chats": "7"}, ["stdout"], ["stdout:-"]),
        ({"telegram_token": "1:a", "telegram_chats": "7"}, ["stdout", "telegram"], ["telegram:7", "stdout:-"]),
        ({"notify_webhook": "http://x/"}, [], ["webhook:http://x/"]),
        ({"notify_apprise": "json://a  mailto://b"}, [], ["apprise:json://a", "apprise:mailto://b"]),
    ],
)
def test_who_is_told(values: dict[str, str], names: list[str], keys: list[str]) -> None:
    assert [each.key for each in destinations(config(**values), names)] == keys


@pytest.mark.parametrize(
    ("values", "names", "words"),
    [
        ({}, ["telegram"], "telegram: HEDGEHOG_TELEGRAM_TOKEN or"),
        ({}, ["webhook"], "webhook: HEDGEHOG_NOTIFY_WEBHOOK is not set"),
        ({"telegram_token": "1:a", "telegram_chats": ",".join(map(str, range(1, 22)))}, [], "21 chats, 20 is the most"),
        ({"telegram_token_file": "gone"}, [], "HEDGEHOG_TELEGRAM_TOKEN_FILE=gone: No such file"),
    ],
)
def test_what_is_missing_is_named(values: dict[str, str], names: list[str], words: str) -> None:
    with pytest.raises(NotConfigured) as error:
        destinations(config(**values), names)
    assert words in str(error.value)


def test_the_token_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("1:secret\n")
    found = config(telegram_token_file=str(file), telegram_chats="7", notify_webhook="http://x/y")
    assert secrets(found) == ["1:secret", "http://x/y"]
    file.write_bytes(b"\xff\xfe1\0")
    with pytest.raises(NotConfigured, match="is no text"):
        destinations(found, [])
    file.write_text("")
    with pytest.raises(NotConfigured, match="the file is empty"):
        destinations(found, [])


def test_no_token_is_logged_or_shown() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Redacted(logging.Formatter("%(message)s"), ["1:hidden"]))
    log = logging.Logger("test")
    log.addHandler(handler)
    try:
        raise ConnectionError("https://api/bot1:hidden/getMe")
    except ConnectionError:
        log.exception("calling %s", "bot1:hidden")
    assert "hidden" not in stream.getvalue()
    assert "calling bot…" in stream.getvalue()
    assert "ConnectionError: https://api/bot…/getMe" in stream.getvalue()
    values = {"telegram_token": "1:hidden", "notify_webhook": "http://hidden", "notify_apprise": "x://hidden"}
    assert "hidden" not in repr(config(**values))


def test_a_broker_that_is_away_is_one_line_a_minute() -> None:
    seldom = Seldom()

    def passes(name: str, second: float) -> bool:
        record = logging.LogRecord(name, logging.ERROR, "", 0, "away", None, None)
        record.created = second
        return seldom.filter(record)

    assert [passes("aiokafka.conn", second) for second in (100, 101, 159, 160, 161)] == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert passes("streams.notify.deliver", 161)
