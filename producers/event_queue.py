"""What has arrived and nobody has taken yet, between the readers of sockets and who publishes."""

import asyncio

from producers.adapter import Notice
from producers.handover import GivenIds
from producers.source import Event
from schemas.records import Trade


class EventQueue:
    """Events in their order of arrival. It never refuses one: whoever puts some in waits while it is `full`."""

    def __init__(self, events_max: int) -> None:
        self._events_max = events_max
        self._events: list[Event | Notice] = []
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()
        self.given = GivenIds()
        """The ids of the trades that were put in."""
        self.full = False
        """Whether no more is to be put in until something was taken."""

    @property
    def size(self) -> int:
        """The number of events that nobody has taken yet."""
        return len(self._events)

    def put(self, event: Event | Notice) -> None:
        """Add what is no trade."""
        self._events.append(event)
        self._noted(len(self._events))

    def put_trade(self, trade: Trade) -> None:
        """Add a trade."""
        # Once for every trade there is: a method called from here for each step would cost as much as the steps.
        self.given.ids[trade.symbol].append(trade.trade_id)
        events = self._events
        events.append(trade)
        size = len(events)
        if size == 1 or size >= self._events_max:
            self._noted(size)

    def _noted(self, size: int) -> None:
        self._filled.set()
        self.full = size >= self._events_max

    async def until_taken(self) -> None:
        """Wait while it is full."""
        while self.full:
            self._taken.clear()
            await self._taken.wait()

    def wake(self) -> None:
        """Let `take` return, even with nothing."""
        self._filled.set()

    async def take(self) -> list[Event | Notice]:
        """Wait for events and return all there are; none where `wake` was called."""
        await self._filled.wait()
        self._filled.clear()
        batch, self._events = self._events, []
        self.full = False
        self._taken.set()
        return batch
