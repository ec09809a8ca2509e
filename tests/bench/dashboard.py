"""The dashboard: how long a trade takes to the page, what that costs the server, and how much a page is over the wire.

A browser is needed; where there is none the rows are left out, and that is said.
"""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import psutil
from confluent_kafka import Producer

from infra.stack import to_stderr
from producers import settings_topic
from schemas.codec import Codec
from schemas.records import Settings, Trade
from schemas.topics import TRADES
from tests.bench.market import instruments
from tests.bench.process import running
from tests.bench.report import Row
from tests.bench.world import World, world
from tests.e2e.chromium import program

INSTRUMENTS, RATE = 40, 2_000
SECONDS, WARM_S = 20, 4
READY_S = 90
PORT = 38_099
PAGES = ("/market", "/instrument/{key}")

Note = Callable[[str, float], None]
Shown = tuple[str, str, float]
"""A key, a price, and when it was published or shown (ms)."""

# Notes each price that a card shows and when; what is shown is the newest of its frame.
WATCH = """() => {
  window.shown = [];
  const note = records => {
    const now = performance.timeOrigin + performance.now();
    const cards = new Set(records.map(record => record.target.parentElement?.closest?.('.card')).filter(Boolean));
    for (const card of cards) window.shown.push([card.dataset.key, card.querySelector('.price').value, now]);
  };
  const all = {subtree: true, characterData: true, childList: true};
  new MutationObserver(note).observe(document.querySelector('.groups'), all);
}"""


def measure(codec: Codec[Trade], note: Note) -> bool:
    """Note the figures; whether there was a browser to get them by."""
    path = program()
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- where it is not there, that is said
    except ImportError:
        path = None
    if path is None:
        to_stderr("bench: no chromium with playwright: the dashboard is NOT MEASURED")
        return False
    markets = instruments(INSTRUMENTS)
    keys = [f"{market.exchange}:{market.symbol}" for market in markets]
    with world("dashboard") as w, sync_playwright() as playwright:
        streamed = [Settings(exchange=m.exchange, symbol=m.symbol, streaming=True) for m in markets]
        settings_topic.write(w.config, [*(market.instrument() for market in markets), *streamed])
        argv = [sys.executable, "-m", "streams.cli.main", "dashboard", "--port", str(PORT), "--without-audit"]
        with running(w, argv) as process:
            until_ready()
            publisher = Publisher(w, codec, keys)
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            try:
                note("dashboard_page_kb", max(_kilobytes(browser, page.format(key=keys[0])) for page in PAGES))
                _ticks(browser, publisher, psutil.Process(process.pid), note)
            finally:
                browser.close()
    return True


class Publisher:
    """Publishes trades at an even pace, each at a price of its own, and knows when."""

    def __init__(self, w: World, codec: Codec[Trade], keys: list[str]) -> None:
        settings = {"bootstrap.servers": w.config.bootstrap, "partitioner": "murmur2_random", "linger.ms": 1}
        self._producer = Producer(settings)
        self._topic, self._codec, self._keys = TRADES.full_name(w.config), codec, keys
        self.sent: dict[tuple[str, str], float] = {}
        self._number = 0

    def run(self, seconds: float) -> None:
        """Publish for so long."""
        begin = time.perf_counter()
        for number in range(int(seconds * RATE)):
            ahead = begin + number / RATE - time.perf_counter()
            if ahead > 0.002:
                time.sleep(ahead)
            self._publish()
            self._producer.poll(0)
        self._producer.flush(10)

    def _publish(self) -> None:
        self._number += 1
        key = self._keys[self._number % len(self._keys)]
        exchange, symbol = key.split(":")
        now = time.time_ns()
        micros, price = now // 1_000, 100_000_000_000 + self._number * 10_000
        trade = Trade(
            exchange=exchange,
            symbol=symbol,
            price=price,
            quantity=100_000_000,
            trade_id=self._number,
            trade_time=micros,
            event_time=micros,
            received_time=micros,
            buyer_is_maker=False,
        )
        self.sent[key, f"{price // 10**8}.{price % 10**8 // 10**4:04d}"] = now / 1e6
        self._producer.produce(self._topic, self._codec.encode(trade), key.encode())


def _ticks(browser: Any, publisher: Publisher, server: psutil.Process, note: Note) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    publisher.run(1)
    page.goto(f"http://127.0.0.1:{PORT}/market")
    page.wait_for_selector(".card")
    page.evaluate(WATCH)
    thread = threading.Thread(target=publisher.run, args=(WARM_S + SECONDS,))
    thread.start()
    page.wait_for_timeout(WARM_S * 1_000)
    page.evaluate("window.shown.length = 0")
    before, began = server.cpu_times(), time.monotonic()
    page.wait_for_timeout((SECONDS - 1) * 1_000)
    after, passed = server.cpu_times(), time.monotonic() - began
    shown: list[Shown] = page.evaluate("window.shown")
    thread.join()
    took = sorted(
        at - publisher.sent[key, price] for key, price, at in map(tuple, shown) if (key, price) in publisher.sent
    )
    if not took:
        raise RuntimeError("the dashboard showed none of the prices that were published")
    note("tick_to_dom_p50_ms", took[len(took) // 2])
    note("tick_to_dom_p99_ms", took[len(took) * 99 // 100])
    note("tick_to_dom_shown", len(took))
    used = after.user + after.system - before.user - before.system
    note("dashboard_cpu_percent", 100 * used / passed)


def _kilobytes(browser: Any, path: str) -> float:
    """Return what a page takes over the wire, all that it loads before anything changes."""
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(f"http://127.0.0.1:{PORT}{path}")
    page.wait_for_timeout(2_000)
    context.close()
    return sum(sizes) / 1_000


def until_ready() -> None:
    """Wait until the dashboard has loaded."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{PORT}/healthz", trust_env=False, timeout=5).json()["ready"]:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"the dashboard was not ready within {READY_S} s")


def rows() -> list[Row]:
    """The rows of the table."""
    what = f"{RATE:,} trades/s of {INSTRUMENTS} instruments, published to shown in a browser"
    return [
        Row("tick_to_dom_p50_ms", "ms", what),
        Row("tick_to_dom_p99_ms", "ms", "the same", at_most=100),
        Row("tick_to_dom_shown", "", "prices that were shown and so measured"),
        Row("dashboard_cpu_percent", "%", "of a core, the server meanwhile", at_most=10),
        Row("dashboard_page_kb", "kB", "the largest page over the wire, chart and type included", at_most=150),
    ]
