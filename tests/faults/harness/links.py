"""TCP links that break: what goes through them is cut, held, slowed down or spoiled, as on a bad network."""

import asyncio
import random
from contextlib import suppress

from infra.config import LOOPBACK

CHUNK_BYTES = 1 << 16


class Link:
    """A port of its own that leads to another one. All methods are for the loop that has started it."""

    def __init__(self, name: str, target: int, chance: random.Random) -> None:
        self.name, self._target, self._chance = name, target, chance
        self.port = 0
        self._open = asyncio.Event()
        self._open.set()
        self.delay_s = 0.0
        """Each chunk takes so much longer."""
        self.spoiled = 0
        """A brace in each of so many chunks to come is another byte."""
        self.refused = False
        """New connections are closed at once."""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End it, and all that goes through it."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection; half of what is under way is lost in the middle of a frame."""
        for writer in list(self._writers):
            writer.transport.abort()

    def hold(self) -> None:
        """Let nothing through until `heal`, and tell nobody: its connections are half open."""
        self._open.clear()

    def heal(self) -> None:
        """Let everything through again."""
        self._open.set()
        self.delay_s, self.spoiled, self.refused = 0.0, 0, False

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refused:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        pumps = [asyncio.create_task(self._pump(*ends)) for ends in ((reader, back), (there, writer))]
        self._tasks.update(pumps)
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, back):
            end.transport.abort()
            self._writers.discard(end)
        await asyncio.gather(*pumps, return_exceptions=True)
        self._tasks.difference_update(pumps)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await asyncio.sleep(self.delay_s)
                await self._open.wait()
                if self.spoiled:
                    self.spoiled -= 1
                    data = self._spoil(data)
                writer.write(data)
                await writer.drain()

    def _spoil(self, data: bytes) -> bytes:
        """Return the data with another byte in the place of a brace: what is in between could not be told from true."""
        braces = [at for at, byte in enumerate(data) if byte in b"{}"]
        if not braces:
            return data
        at = self._chance.choice(braces)
        return data[:at] + b"\x00" + data[at + 1 :]
