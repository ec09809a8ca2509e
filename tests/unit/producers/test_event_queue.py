"""The queue between the readers of sockets and who publishes."""

import asyncio

from producers.event_queue import EventQueue
from producers.source import BadRecord
from tests.unit.producers.tiny import tiny_trade

BAD = BadRecord("x", b"", "bad")


async def test_all_that_arrived_comes_in_one_batch_in_its_order() -> None:
    queue = EventQueue(100)
    first, second = tiny_trade("X", 1), tiny_trade("Y", 1)
    queue.put_trade(first)
    queue.put(BAD)
    queue.put_trade(second)
    assert await queue.take() == [first, BAD, second]
    assert {symbol: list(ids) for symbol, ids in queue.given.ids.items()} == {"X": [1], "Y": [1]}
    waiting = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put_trade(first)
    assert await waiting == [first]
    queue.wake()
    assert await queue.take() == []


async def test_who_puts_something_in_waits_while_it_is_full() -> None:
    for put in (lambda queue, n: queue.put_trade(tiny_trade("X", n)), lambda queue, _: queue.put(BAD)):
        queue = EventQueue(3)
        for number in range(3):
            assert not queue.full
            put(queue, number)
        assert queue.full
        waiting = asyncio.create_task(queue.until_taken())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert len(await queue.take()) == 3
        await waiting
        assert not queue.full
