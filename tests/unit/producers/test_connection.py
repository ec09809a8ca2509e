"""One connection over a socket that only remembers, by a clock that the test moves."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from websockets.exceptions import ConnectionClosedOK

from producers.connection import Connection, Context, Timing
from producers.event_queue import EventQueue
from producers.websocket import CountingSocket
from tests.unit.producers.tiny import TINY, Tiny, tiny_trade

CLOSE = b"the other side closes"
SYMBOLS = [f"S{number}" for number in range(8)]


@dataclass
class Socket:
    """Answers every request at once, while it is told to."""

    now: float = 0.0
    frames: int = 0
    answers: bool = True
    sent: list[tuple[float, str]] = field(default_factory=list)
    incoming: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    ended: bool = False

    @property
    def transport(self) -> "Socket":
        return self

    async def send(self, text: str) -> None:
        self.sent.append((self.now, text))
        if self.answers:
            self.incoming.put_nowait(b"ok")

    async def recv(self, decode: bool) -> bytes:
        raw = await self.incoming.get()
        if raw is CLOSE:
            raise ConnectionClosedOK(None, None)
        self.frames += 1
        return raw

    async def close(self) -> None:
        for raw in (b"A 1", b"A 2", CLOSE):
            self.incoming.put_nowait(raw)

    def abort(self) -> None:
        self.ended = True


def connection_of(socket: Socket, timing: Timing, queue: EventQueue | None = None) -> Connection:
    adapter = Tiny("", replace(TINY, messages_per_s=4))
    context = Context(adapter, timing, lambda: socket.now, lambda: 0, queue or EventQueue(9), asyncio.Event())
    return Connection(cast(CountingSocket, socket), [], context, successor=False)


async def test_messages_are_never_closer_than_the_exchange_allows() -> None:
    socket = Socket()
    connection = connection_of(socket, Timing())
    connection.subscriptions.want(SYMBOLS)
    for _ in range(400):
        if socket.now >= 4:
            connection.subscriptions.want(())
        await connection.ask()
        await asyncio.sleep(0)
        assert connection.request_due_s() <= 0.25 or connection.request_due_s() == float("inf")
        socket.now += 1 / 64
    assert [text for _, text in socket.sent] == [f"{sign}{symbol}" for sign in "+-" for symbol in SYMBOLS]
    times = [at for at, _ in socket.sent]
    assert times[:8] == [number / 4 for number in range(8)]
    assert times[8:] == [4 + number / 4 for number in range(8)]


async def test_a_request_without_an_answer_is_a_fault() -> None:
    socket = Socket(answers=False)
    connection = connection_of(socket, Timing(answer_s=10, silence_s=1_000))
    connection.subscriptions.want(SYMBOLS[:1])
    await connection.ask()
    for now, fault in [(10.0, None), (10.1, "no answer to a request for 1 symbols")]:
        socket.now = now
        assert connection.fault() == fault
    socket.incoming.put_nowait(b"ok")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert connection.fault() is None


@pytest.mark.parametrize(("age", "expiring"), [(3_600, False), (3_601, True)])
async def test_a_connection_expires_by_its_age(age: float, expiring: bool) -> None:
    socket = Socket()
    connection = connection_of(socket, Timing())
    socket.now = age
    assert connection.expiring is expiring


async def test_a_connection_expires_when_the_exchange_says_so() -> None:
    socket = Socket()
    connection = connection_of(socket, Timing())
    socket.incoming.put_nowait(b"bye")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert connection.expiring
    assert connection.fault() is None


async def test_what_had_been_received_before_the_end_is_read() -> None:
    socket, queue = Socket(), EventQueue(9)
    connection = connection_of(socket, Timing(), queue)
    connection.subscriptions.want(SYMBOLS[:1])
    await connection.ask()
    socket.now = 1.0
    await connection.say_goodbye()
    assert [text for _, text in socket.sent] == ["+S0", "-S0"]
    assert await queue.take() == [tiny_trade("A", 1), tiny_trade("A", 2)]
    assert socket.ended
