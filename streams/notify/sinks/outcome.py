"""What is sent, and how sending it can end."""

from typing import NamedTuple, Protocol

import msgspec


class Button(NamedTuple):
    """A button below a message; `data` comes back when somebody presses it."""

    text: str
    data: str


class Message(msgspec.Struct, frozen=True):
    """What somebody reads."""

    headline: str
    """Plain text, one line."""
    detail: str = ""
    """Plain text."""
    is_table: bool = False
    """Whether the detail is columns, to be shown in type of one width."""
    buttons: tuple[Button, ...] = ()
    facts: dict[str, str | int] = {}
    """The same for programs."""

    @property
    def text(self) -> str:
        """All of it as plain text."""
        return f"{self.headline}\n{self.detail}" if self.detail else self.headline


class Delivered(msgspec.Struct, frozen=True):
    """The destination has it; `message_id` is where it can be edited."""

    message_id: int | None = None


class Held(msgspec.Struct, frozen=True):
    """The destination takes nothing for so many seconds, and has not taken this."""

    seconds: int


class Uncertain(msgspec.Struct, frozen=True):
    """It failed for now. Only where `is_sent` is `False` the destination surely does not have it."""

    reason: str
    is_sent: bool | None = None


class Unreachable(msgspec.Struct, frozen=True):
    """The destination takes nothing until somebody changes something: blocked, unknown, a wrong token."""

    reason: str


class Dropped(msgspec.Struct, frozen=True):
    """The destination will never take this message, others it may."""

    reason: str


Outcome = Delivered | Held | Uncertain | Unreachable | Dropped


class Sink(Protocol):
    """A kind of destination; `address` says which one of the kind. No call raises for what a destination does."""

    name: str
    has_board: bool
    """Whether a message can be edited, so that one may show the market."""

    def interval(self, address: str) -> int:
        """Return the microseconds between two messages to an address."""
        ...

    async def send(self, address: str, message: Message, *, is_silent: bool = False) -> Outcome:
        """Send a message."""
        ...

    async def edit(self, address: str, message_id: int, message: Message) -> Outcome:
        """Show `message` in place of one that was sent; `Dropped` where it is gone."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
