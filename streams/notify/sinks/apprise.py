"""Apprise, an extra (`pip install hedgehog[apprise]`): ntfy, Slack, mail and what else it knows, each by a URL."""

import asyncio

from streams.notify.sinks.outcome import Delivered, Dropped, Message, Outcome, Uncertain, Unreachable

INTERVAL = 1_000_000


class Apprise:
    """The sink; an address is one of Apprise's URLs. It says only whether something went wrong, so all is uncertain."""

    name = "apprise"
    has_board = False

    def interval(self, address: str) -> int:
        """Return the microseconds between two messages."""
        return INTERVAL

    async def send(self, address: str, message: Message, *, is_silent: bool = False) -> Outcome:
        """Hand the message over."""
        from apprise import Apprise as Library  # noqa: PLC0415 -- it is an extra

        library = Library()
        if not library.add(address):
            return Unreachable("HEDGEHOG_NOTIFY_APPRISE: a URL that Apprise does not know")
        done = await asyncio.to_thread(library.notify, body=message.detail or message.headline, title=message.headline)
        return Delivered() if done else Uncertain("Apprise says no more than that it failed")

    async def edit(self, address: str, message_id: int, message: Message) -> Outcome:
        """Nothing that was handed over can be changed."""
        return Dropped("a message given to Apprise cannot be edited")

    async def close(self) -> None:
        """Nothing is held open."""
