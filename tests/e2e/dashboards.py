"""A dashboard as a process, and a browser that looks at it. Where there is none, the tests say so and are skipped."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.config import Config
from producers import settings_topic
from schemas import topics
from schemas.records import TradingStatus
from tests import samples
from tests.e2e.chromium import program
from tests.e2e.workers import Pipeline, running_pipeline

NOW = time.time_ns()
FIRST, SECOND, THIRD = f"one{NOW}", f"two{NOW}", f"three{NOW}"
"""The tables belong to all tests: exchanges of its own make its rows known."""
XRP, BTC, COIN, IDLE = f"{FIRST}:XRPUSDT", f"{FIRST}:BTCUSDT", f"{SECOND}:BTC-USD", f"{THIRD}:ETHEUR"
ODD = f"{FIRST}:ODD"
MARKUP = '<img src=x onerror="window.hacked=1">'
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
START_S, STOP_S = 60.0, 20.0
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
EXPECTED = re.compile(
    r"net::ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|CONNECTION_RESET|EMPTY_RESPONSE|SOCKET)|status of 400"
)
"""What a browser says of a server that is gone, and of what the server refuses: the page says both itself."""


class Served:
    """One dashboard, on one port over its restarts."""

    def __init__(self, config: Config, folder: Path, *options: str, **variables: str) -> None:
        self.config, self.folder, self.options, self.variables = config, folder, options, variables
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "dashboard.log"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HEDGEHOG_TOPIC_PREFIX": self.config.topic_prefix,
            "HEDGEHOG_PARTITIONS": str(self.config.partitions),
            "HEDGEHOG_DATA_DIR": os.environ.get("HEDGEHOG_DATA_DIR", str(self.folder)),
            "PYTHONPATH": os.getcwd(),
            **self.variables,
        }

    def start(self, wait: bool = True) -> None:
        words = ["dashboard", "--port", str(self.port), *self.options]
        command = [sys.executable, "-m", "streams.cli.main", *words]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        if wait:
            self.until_ready()

    def until_ready(self) -> None:
        """Wait until it has read the topics."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3_000:]
            try:
                if httpx.get(f"{self.url}/healthz", trust_env=False, timeout=5).json()["ready"]:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready within {START_S:g} s:\n{self.log.read_text()[-3_000:]}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        process, self.process = self.process, None
        assert process is not None
        process.send_signal(how)
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the dashboard did not end within {STOP_S:g} s of {how.name}") from None


@contextmanager
def serving(config: Config, folder: Path, *options: str, **variables: str) -> Iterator[Served]:
    """A dashboard that has read the topics, with these variables in its environment; it is gone afterwards."""
    served = Served(config, folder, *options, **variables)
    served.start()
    try:
        yield served
    finally:
        if served.process is not None:
            served.end(signal.SIGKILL)


@contextmanager
def browsing() -> Iterator[Any]:
    """A browser; skips, and says why, where there is none."""
    path = program()
    if path is None:
        pytest.skip("NOT CHECKED: no chromium on the PATH, the dashboard was looked at in no browser")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- where it is not there, that is said
    except ImportError:
        pytest.skip("NOT CHECKED: playwright is not installed, the dashboard was looked at in no browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Looking:
    """One tab. `errors` is what the page complained of, `requests` the addresses it asked for."""

    def __init__(self, browser: Any, served: Served, size: dict[str, int] | None = None, **context: Any) -> None:
        self.served = served
        options = {"viewport": size or WIDE, "color_scheme": "dark", "reduced_motion": "reduce", **context}
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def __enter__(self) -> "Looking":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.context.close()
        if kind is None:
            assert self.errors == []
            assert [url for url in self.requests if not url.startswith((self.served.url, "data:", "blob:"))] == []

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            self.errors.append(message.text)

    def open(self, path: str) -> Any:
        """Show a page, once it is live."""
        self.page.goto(self.served.url + path)
        self.page.wait_for_selector("#live .dot.ok")
        return self.page

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector)).strip()

    def until(self, expression: str, timeout_s: float = 20.0) -> None:
        """Wait until an expression of the page is true; asked from outside, for the page's policy allows no eval."""
        deadline = time.monotonic() + timeout_s
        while not self.page.evaluate(expression):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout_s:g} s: {expression}\n{self.text('body')[:2_000]}")
            self.page.wait_for_timeout(30)

    def confirm(self, selector: str, says: str = "") -> str:
        """Press a control, once it says this, and do what its dialog asks; what the dialog says.

        A control is brought up to date by itself, not with the tables that show the same.
        """
        self.page.wait_for_selector(f"{selector}[title*='{says}']" if says else selector)
        self.page.click(selector)
        text = self.text("dialog")
        self.page.click("dialog [data-confirm]")
        self.page.wait_for_selector("dialog", state="hidden")
        return text

    def is_too_wide(self) -> bool:
        """Whether the page can be moved sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def violations(self) -> list[str]:
        """What axe finds wrong with the page as it is."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['target']} {node.get('failureSummary', '')[:200]}"
            for each in found["violations"]
            for node in each["nodes"][:5]
        ]


class World:
    """A pipeline with a bot that has traded, a dashboard and a browser."""

    def __init__(self, pipeline: Pipeline, served: Served, browser: Any) -> None:
        self.pipeline, self.served, self.browser = pipeline, served, browser

    def trade(self, instrument: str, *prices: str) -> None:
        self.pipeline.trade(instrument, *prices)

    def look(self, **options: Any) -> Looking:
        return Looking(self.browser, self.served, **options)

    def settings(self, instrument: str) -> Any:
        return settings_topic.read_all(self.pipeline.config).get(instrument)

    def until_settings(self, instrument: str, right: Callable[[Any], bool]) -> None:
        """Wait until the topic says so."""
        deadline = time.monotonic() + 20
        while not right(self.settings(instrument)):
            assert time.monotonic() < deadline, self.settings(instrument)
            time.sleep(0.2)


def prepare(pipeline: Pipeline) -> None:
    """Instruments of three exchanges, one with a hostile name; XRP trades and has a full cycle and open orders."""
    names = {
        XRP: ("XRP", "USDT"),
        BTC: ("BTC", "USDT"),
        COIN: ("BTC", "USD"),
        IDLE: ("ETH", "EUR"),
        ODD: (MARKUP, "<b>"),
    }
    for key, (base, quote) in names.items():
        steps = {"tick_size": "0.0001", "step_size": "0.00001"}
        instrument = samples.instrument(key, base_asset=base, quote_asset=quote, **steps)
        chosen = samples.settings(key, status=TradingStatus.OFF, streaming=True)
        pipeline.set_all(instrument, chosen)
    pipeline.set_all(*samples.nine_trade_setup(XRP, streaming=True))
    # the settings of before are off: a trade that comes before those of now begins nothing
    pipeline.until("XRP's leader trades", lambda: pipeline.trades_on(XRP))
    # each order has to be in the book before the trade that fills it
    pipeline.trade(XRP, *samples.NINE_TRADES[:3])
    pipeline.until_statuses(XRP, b1="NEW")
    pipeline.trade(XRP, *samples.NINE_TRADES[3:5])
    pipeline.until_statuses(XRP, b1="FILLED", s1="NEW")
    pipeline.trade(XRP, *samples.NINE_TRADES[5:8])
    pipeline.until_statuses(XRP, b1="FILLED", s1="FILLED")
    pipeline.trade(XRP, samples.NINE_TRADES[8])
    pipeline.until_statuses(XRP, b1="FILLED", s1="FILLED", b2="NEW")
    pipeline.trade(BTC, "60000", "61000")
    pipeline.trade(COIN, "61061")
    pipeline.trade(ODD, "1")
    pipeline.write_raw(topics.TRADES, "<script>alert(1)</script>", b"<svg onload=alert(1)>", 0)
    pipeline.until("a dead letter", lambda: bool(pipeline.messages["dead-letters"]))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as found:
        yield found


@contextmanager
def prepared_world(stack: Config, folder: Path, browser: Any, name: str) -> Iterator[World]:
    """A world with topics, a worker and a dashboard of its own."""
    with running_pipeline(stack, folder, name) as pipeline:
        prepare(pipeline)
        with serving(pipeline.config, folder, "--without-audit") as served:
            yield World(pipeline, served, browser)


def card(key: str) -> str:
    return f'[data-key="{key}"]'


def shows(key: str, price: str) -> str:
    """An expression: whether this card has this price."""
    return f"document.querySelector('[data-key=\"{key}\"] .price')?.value === '{price}'"
