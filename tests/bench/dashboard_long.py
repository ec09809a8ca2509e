"""A page that is kept open: `python -m tests.bench.dashboard_long [SECONDS] [PAGES]`, 600 and 50 unless told otherwise.

One page in a browser, under the load of `tests.bench.dashboard`, with so many other pages beside it that take every
frame over HTTP. Printed are when the first page shows its prices, its heap, the server's memory, and what the server
takes of a core.
"""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
from playwright.sync_api import sync_playwright

from connectors.provision import provision
from infra.stack import Stack, to_stderr
from producers import settings_topic
from schemas.records import Settings, Trade
from schemas.registry import make_codec
from tests.bench.dashboard import INSTRUMENTS, PORT, Publisher, until_ready
from tests.bench.market import instruments
from tests.bench.process import running
from tests.bench.world import World, stack_config, world
from tests.e2e.chromium import program

SECONDS, PAGES = 600, 50
SETTLED_S = 20
"""After so long a page has drawn everything once."""
MB = 1 << 20

# Milliseconds from the start of the navigation to the first picture, and to a card with a price.
FIRST = """() => new Promise(resolve => {
  const look = () => {
    const price = document.querySelector('.card .price')?.value;
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    if (price && paint) resolve([paint.startTime, performance.now()]);
    else requestAnimationFrame(look);
  };
  look();
})"""


def main() -> None:
    """Measure on the benchmark's stack and print."""
    seconds, pages = (int(typed) for typed in (sys.argv[1:] + [str(SECONDS), str(PAGES)][len(sys.argv) - 1 :]))
    stack = Stack(stack_config())
    try:
        stack.up()
        provision(stack.config, to_stderr)
        with world("dashboard") as w:
            _measure(w, seconds, pages)
    finally:
        stack.down()
        stack.clean()


def _measure(w: World, seconds: int, pages: int) -> None:
    markets = instruments(INSTRUMENTS)
    streamed = [Settings(exchange=m.exchange, symbol=m.symbol, streaming=True) for m in markets]
    settings_topic.write(w.config, [*(market.instrument() for market in markets), *streamed])
    argv = [sys.executable, "-m", "streams.cli.main", "dashboard", "--port", str(PORT), "--without-audit"]
    with running(w, argv) as process, sync_playwright() as playwright:
        until_ready()
        publisher = Publisher(w, make_codec(w.config, Trade), [f"{m.exchange}:{m.symbol}" for m in markets])
        publisher.run(1)
        load = threading.Thread(target=publisher.run, args=(seconds + SETTLED_S + 5,))
        load.start()
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        try:
            with taken_by(pages) as frames:
                _watch(browser, psutil.Process(process.pid), seconds, frames)
        finally:
            browser.close()
            load.join()


def _watch(browser: Any, server: psutil.Process, seconds: int, frames: list[int]) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"http://127.0.0.1:{PORT}/market")
    painted, priced = page.evaluate(FIRST)
    print(f"first paint {painted:.0f} ms, prices {priced:.0f} ms after the start of the navigation")
    session = page.context.new_cdp_session(page)
    page.wait_for_timeout(SETTLED_S * 1_000)
    heap, memory, used, taken = _heap(session), server.memory_info().rss, server.cpu_times(), sum(frames)
    page.wait_for_timeout(seconds * 1_000)
    after, grown = server.cpu_times(), (server.memory_info().rss - memory) / MB
    busy = after.user + after.system - used.user - used.system
    print(f"over {seconds} s: heap {heap / MB:.1f} MB and {(_heap(session) - heap) / MB:+.2f} MB")
    print(f"server: {100 * busy / seconds:.1f} % of a core, {memory / MB:.0f} MB and {grown:+.1f} MB")
    each = (sum(frames) - taken) / max(len(frames), 1) / seconds
    print(f"{len(frames)} other pages took {each:.1f} frames a second each")


def _heap(session: Any) -> float:
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"])


@contextmanager
def taken_by(pages: int) -> Iterator[list[int]]:
    """Let so many pages take every frame, in a thread; counted by the page."""
    frames = [0] * pages

    async def take(number: int, client: httpx.AsyncClient) -> None:
        async with client.stream("GET", f"http://127.0.0.1:{PORT}/events?view=market") as response:
            async for part in response.aiter_raw():
                frames[number] += part.count(b"\ndata: ")

    async def all_pages(stop: asyncio.Event) -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(trust_env=False, timeout=None, limits=limits) as client:
            tasks = [asyncio.create_task(take(number, client)) for number in range(pages)]
            await stop.wait()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(all_pages(stop)))
    thread.start()
    try:
        yield frames
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


if __name__ == "__main__":
    main()
