"""An exchange on a socket whose every frame a test sends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from websockets.asyncio.server import ServerConnection, serve

from producers.local_exchange.binance_words import trade_event
from tests.unit.producers.binance.test_protocol import TRADE


class Scripted:
    """An exchange with Binance's words that accepts every request, but for one symbol, and lets a test send frames."""

    def __init__(self, unknown: str | None = None) -> None:
        self.sockets: list[ServerConnection] = []
        self.requests: list[list[str]] = []
        self._unknown = unknown

    async def converse(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        async for message in socket:
            request = msgspec.json.decode(message)
            self.requests.append(request["params"])
            refused = self._unknown in request["params"]
            answer = {"code": 2, "msg": "Invalid request"} if refused else {"result": None, "id": request["id"]}
            await socket.send(msgspec.json.encode(answer), text=True)

    async def trades(self, connection: int, ids: list[int]) -> None:
        """Send trades of XRPUSDT on the first or the second connection there was."""
        for trade_id in ids:
            event = trade_event(msgspec.structs.replace(TRADE, trade_id=trade_id), combined=True, micros=True)
            await self.sockets[connection].send(event, text=True)


@asynccontextmanager
async def scripted(exchange: Scripted) -> AsyncIterator[str]:
    async with serve(exchange.converse, "127.0.0.1", 0, compression=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


# before the handover, then by the old connection, then by the new one → all that is given out
