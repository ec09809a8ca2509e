"""The links of the fault harness: what goes through them, and what does not."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from infra.config import LOOPBACK
from tests.faults.harness.links import Link

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def linked() -> AsyncIterator[Link]:
    """A link to a server that says everything again."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1_000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    link = Link("echo", server.sockets[0].getsockname()[1], random.Random(1))
    await link.start()
    try:
        yield link
    finally:
        await link.stop()
        server.close()


async def answer(ends: Ends, data: bytes, within_s: float = 2.0) -> bytes:
    reader, writer = ends
    writer.write(data)
    async with asyncio.timeout(within_s):
        return await reader.read(1_000)


async def open_to(link: Link) -> Ends:
    return await asyncio.open_connection(LOOPBACK, link.port)


async def test_what_goes_through_is_what_comes_out() -> None:
    async with linked() as link:
        ends = await open_to(link)
        assert await answer(ends, b"one") == b"one"
        assert await answer(ends, b"two") == b"two"


async def test_a_cut_ends_connections_and_not_those_to_come() -> None:
    async with linked() as link:
        ends = await open_to(link)
        assert await answer(ends, b"one") == b"one"
        link.cut()
        assert await ends[0].read(10) == b"", "the end"
        assert await answer(await open_to(link), b"two") == b"two"


async def test_who_is_refused_gets_nothing() -> None:
    async with linked() as link:
        link.refused = True
        with pytest.raises((ConnectionError, AssertionError)):
            assert await answer(await open_to(link), b"one") == b"one"
        link.heal()
        assert await answer(await open_to(link), b"two") == b"two"


async def test_what_is_held_comes_when_it_heals() -> None:
    async with linked() as link:
        ends = await open_to(link)
        assert await answer(ends, b"one") == b"one"
        link.hold()
        with pytest.raises(TimeoutError):
            await answer(ends, b"two", within_s=0.2)
        link.heal()
        async with asyncio.timeout(2):
            assert await ends[0].read(10) == b"two"


async def test_a_brace_of_a_chunk_is_another_byte() -> None:
    async with linked() as link:
        ends = await open_to(link)
        link.spoiled = 1
        assert await answer(ends, b'{"a":1}') in (b'\x00"a":1}', b'{"a":1\x00')
        assert await answer(ends, b'{"a":1}') == b'{"a":1}'
