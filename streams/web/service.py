"""`hedgehog dashboard`: the replica, what looks at the parts, the audit in the background, and the web server."""

import asyncio
import logging
import socket
from contextlib import suppress

from aiohttp import web

from infra.config import Config
from infra.errors import StackError
from streams.web.deeds import Deeds
from streams.web.http.app import GOODBYE_S, Dashboard, make_runner
from streams.web.http.guard import Guard
from streams.web.http.stream import Hub
from streams.web.replica.audit import audit_now_and_then
from streams.web.replica.jobs import Jobs
from streams.web.replica.parts import Parts
from streams.web.replica.replica import Replica

log = logging.getLogger(__name__)


async def serve(config: Config, deeds: Deeds, guard: Guard, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; raise `StackError` where the address is taken."""
    replica = Replica(config)
    hub = Hub(replica)
    jobs = Jobs(replica)
    runner = make_runner(Dashboard(replica, hub, deeds, guard, jobs))
    await runner.setup()
    tasks: list[asyncio.Task[None]] = []
    try:
        site = web.TCPSite(runner, host, port, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            raise StackError(f"{host}:{port}: {error.strerror or error}") from None
        tasks = [
            asyncio.create_task(replica.run(stop)),
            asyncio.create_task(Parts(replica).run()),
            asyncio.create_task(hub.run()),
            asyncio.create_task(_set(stop)),
        ]
        if deeds.audit:
            tasks.append(asyncio.create_task(audit_now_and_then(replica, deeds.audit)))
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await jobs.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(runner.cleanup(), 2 * GOODBYE_S)


async def _set(stop: asyncio.Event) -> None:
    await stop.wait()


def address(host: str, port: int) -> str:
    """Return the address that a browser opens."""
    shown = "127.0.0.1" if host in ("", "0.0.0.0") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{shown}:{port}/"


def is_loopback(host: str) -> bool:
    """Return whether nobody on another machine reaches this address."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return bool(host) and all(info[4][0] in ("127.0.0.1", "::1") for info in found)
