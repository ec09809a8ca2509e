"""A headless Chromium, driven over its DevTools protocol: opens a page, notes what it asks for, evaluates."""

# ruff: noqa: ASYNC220, ASYNC240 -- one test waits for one browser, and nothing else runs in the loop

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0"),
)
START_S = 30.0
ANSWER_S = 20.0
MESSAGE_BYTES = 64 * 2**20


def program() -> str | None:
    """The browser on the PATH, if there is one."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Tab:
    """One page. `requests` are the addresses it asked for, `errors` what it complained about."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.loaded = False
        self._last = 0

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a command; events that come before it are noted."""
        self._last += 1
        await self.socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        async with asyncio.timeout(ANSWER_S):
            while (message := await self._next()).get("id") != self._last:
                pass
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    async def open(self, file: Path, width: int, height: int = 900, dark: bool = False) -> None:
        """Show a file in a window of this size; returns when it is loaded."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        self.loaded = False
        self.requests.clear()
        self.errors.clear()
        await self.call("Page.navigate", url=file.resolve().as_uri())
        async with asyncio.timeout(ANSWER_S):
            while not self.loaded:
                await self._next()

    async def value(self, expression: str) -> Any:
        """What an expression is in the page."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def mouse(self, kind: str, x: float, y: float) -> None:
        await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    async def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.socket.recv())
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.errors.append(json.dumps(parameters["entry"]))
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(json.dumps(parameters["args"]))
        return message


@asynccontextmanager
async def browser(path: str) -> AsyncIterator[Tab]:
    """A browser of its own with one empty page; it is gone afterwards, and so is all it wrote."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [path, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = await _port(Path(folder) / "DevToolsActivePort", process)
            async with connect(await _page(port), max_size=MESSAGE_BYTES) as socket:
                yield Tab(socket)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


async def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    """The port that the browser writes down once it listens."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the browser ended with {process.returncode}"
        if file.exists() and (lines := file.read_text().split()):
            return int(lines[0])
        await asyncio.sleep(0.02)
    raise TimeoutError(f"the browser does not listen after {START_S:g} s")


async def _page(port: int) -> str:
    """The address of the first page's own socket."""
    import httpx  # noqa: PLC0415 -- only with a browser

    async with httpx.AsyncClient(trust_env=False) as client:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            pages = (await client.get(f"http://127.0.0.1:{port}/json/list", timeout=ANSWER_S)).json()
            for page in pages:
                if page["type"] == "page":
                    return str(page["webSocketDebuggerUrl"])
            await asyncio.sleep(0.02)
    raise TimeoutError("the browser shows no page")
