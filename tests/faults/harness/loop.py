"""An event loop in a thread of its own, for what is done to links and exchanges by tests that have none."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

WITHIN_S = 20.0

T = TypeVar("T")


class LoopThread:
    """Runs from entering the context until leaving it. Methods are for any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loop", daemon=True)

    def __enter__(self) -> "LoopThread":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something in the loop; return what came of it."""

        async def done() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(WITHIN_S)

    def do(self, work: Callable[[], Any]) -> None:
        """Do something in the loop that does not wait."""

        async def done() -> None:
            work()

        self.wait(done)
