"""Whether a worker knows that it still is a member of its consumer group.

One that was frozen for longer than its session has lost its partitions and does not know it yet. Until a heartbeat is
answered it may not store or send.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiokafka.protocol.group import SyncGroupRequest

from streams.delivery.batches import is_current

LOOK_EVERY_S = 0.05


class NotMember(Exception):
    """The partitions are given up, and nobody said that this worker still was a member until then."""


class Membership:
    """What the coordinator of the group has said last. `session_s` is how long it waits for a heartbeat, in seconds."""

    def __init__(self, session_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._session_s = session_s
        self._clock = clock
        self._generation = -1
        self._since = 0.0

    def confirmed(self, generation: int, since: float) -> None:
        """Note that the coordinator knew this worker under a generation at some moment after `since`."""
        self._generation, self._since = generation, since

    def is_known(self, generation: int | None) -> bool:
        """Return whether the session under a generation cannot have ended."""
        return generation == self._generation and self._clock() - self._since <= self._session_s

    def follow(self, coordinator: Any) -> None:
        """Listen to what aiokafka's coordinator of the group is told: at each join and each heartbeat.

        Either answer may have waited for this worker to wake, so it counts from when it was asked for.
        """
        beat, joined, send = coordinator._do_heartbeat, coordinator._on_join_complete, coordinator._send_req
        synced = self._clock()

        async def do_heartbeat() -> Any:
            asked = self._clock()
            generation = coordinator.generation
            answered = await beat()
            if answered or coordinator.generation != generation:  # it was told that it is none any more
                self.confirmed(coordinator.generation, asked)
            return answered

        async def send_req(request: Any) -> Any:
            nonlocal synced
            if isinstance(request, SyncGroupRequest):  # the last that a member asks for when it joins
                synced = self._clock()
            return await send(request)

        async def on_join_complete(generation: int, *assigned: Any) -> Any:
            self.confirmed(generation, synced)
            return await joined(generation, *assigned)

        coordinator._do_heartbeat, coordinator._on_join_complete = do_heartbeat, on_join_complete
        coordinator._send_req = send_req


async def assure(app: Any, generation: int | None) -> None:
    """Return once this worker is known to be a member under a generation; `NotMember` if it gives that up before."""
    while not app.membership.is_known(generation):
        if not is_current(app, generation):
            raise NotMember
        await asyncio.sleep(LOOK_EVERY_S)
