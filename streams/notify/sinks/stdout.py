"""Standard output: a line a message, for a log or a pipe."""

import sys

from schemas.times import iso
from streams.notify.sinks.outcome import Delivered, Dropped, Message, Outcome


class Stdout:
    """The sink; it has one address."""

    name = "stdout"
    has_board = False

    def interval(self, address: str) -> int:
        """Return the microseconds between two messages."""
        return 0

    async def send(self, address: str, message: Message, *, is_silent: bool = False) -> Outcome:
        """Print the message on one line."""
        when = message.facts.get("time") or iso(0)
        print(f"{when} {message.text.replace(chr(10), ' | ')}", file=sys.stdout, flush=True)
        return Delivered()

    async def edit(self, address: str, message_id: int, message: Message) -> Outcome:
        """Nothing that was printed can be changed."""
        return Dropped("stdout cannot be edited")

    async def close(self) -> None:
        """Nothing is held open."""
