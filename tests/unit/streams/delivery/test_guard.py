"""What becomes of an agent's batches: handled one after the other, and none after one that is not.

The channel is a Faust topic of one partition, as an agent's stream has it.
"""

import asyncio
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from infra.config import Config
from streams.delivery.batches import Batch
from streams.delivery.guard import guarded
from streams.worker import make_app

WITHIN_S = 5
TRADES = TP("trades", 0)


class Place:
    """One actor of an agent; what it has handled, and what the worker crashed of."""

    def __init__(self) -> None:
        self.app: Any = make_app(Config(topic_prefix="unit-guard-"))
        self.app.flow_control.resume()
        self.app.crash = self._crash
        self.channel: Any = aiter(self.app.topic(TRADES.topic).clone(active_partitions={TRADES}))
        self.finished: list[Batch] = []
        self.crashes: list[BaseException] = []
        self.crashed = asyncio.Event()

    def start(self, handle: Any) -> "asyncio.Task[None]":
        stream = SimpleNamespace(channel=self.channel, shortlabel="an agent")
        return asyncio.create_task(guarded(self.app, stream, handle))

    def put(self, *batches: Batch) -> None:
        for batch in batches:
            self.channel.queue.put_nowait(batch)

    def stop(self) -> None:
        """As Faust stops the actor of a partition that is given up."""
        self.channel._throw(StopAsyncIteration())

    async def _crash(self, error: BaseException) -> None:
        self.crashes.append(error)
        self.crashed.set()


def batches(count: int) -> list[Batch]:
    return [Batch(TRADES, [], 1, 1) for _ in range(count)]


async def test_a_batch_is_handled_to_its_end_before_the_next_is_taken() -> None:
    place, given = Place(), batches(3)
    seen: list[tuple[Batch, int]] = []

    async def handle(batch: Batch) -> None:
        await asyncio.sleep(0)
        seen.append((batch, len(place.finished)))
        place.finished.append(batch)
        if batch is given[-1]:
            place.stop()

    place.put(*given)
    await asyncio.wait_for(place.start(handle), WITHIN_S)
    assert seen == [(given[0], 0), (given[1], 1), (given[2], 2)]
    assert place.finished == given


async def test_an_actor_that_is_stopped_ends_and_leaves_the_topics() -> None:
    place = Place()
    assert place.channel in place.app.topics

    async def handle(_: Batch) -> None:
        raise AssertionError("nothing was put")

    guarding = place.start(handle)
    await asyncio.sleep(0)
    place.stop()
    await asyncio.wait_for(guarding, WITHIN_S)
    assert place.channel not in place.app.topics  # else Faust would look for its partition at the next rebalance


async def test_what_cannot_be_handled_holds_its_partition_until_the_worker_stops() -> None:
    place, given = Place(), batches(3)

    async def handle(batch: Batch) -> None:
        if batch is given[1]:
            raise KeyError("a fault of ours")
        place.finished.append(batch)

    guarding = place.start(handle)
    place.put(*given)
    await asyncio.wait_for(place.crashed.wait(), WITHIN_S)
    for _ in range(10):  # turns of the loop, in which it would go on with the third
        await asyncio.sleep(0)
    assert place.finished == given[:1]
    assert [repr(error) for error in place.crashes] == ["KeyError('a fault of ours')"]
    assert not guarding.done()
    guarding.cancel()
    await asyncio.gather(guarding, return_exceptions=True)
