"""Which symbols one connection carries, and what is to be asked for next. No socket, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass

from producers.adapter import Answer


@dataclass(frozen=True, slots=True)
class Request:
    """A message that subscribes or unsubscribes symbols, sent at `sent_at` (seconds of the session's clock)."""

    id: int
    subscribes: bool
    symbols: tuple[str, ...]
    sent_at: float

    def __str__(self) -> str:
        return f"{'SUBSCRIBE' if self.subscribes else 'UNSUBSCRIBE'} {', '.join(self.symbols)}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that the exchange refused, and why. `final` if its one symbol is not asked for again."""

    request: Request
    error: str
    final: bool


class Subscriptions:
    """The symbols of one connection: wanted, subscribed, refused.

    One request is under way at a time, so an answer that names no request can only belong to that one. Of a request
    that is refused each half is asked for again: one symbol that the exchange does not know costs no other its trades.
    """

    def __init__(self, symbols: Iterable[str], per_request: int) -> None:
        self._subscribed = set(symbols)
        self._per_request = per_request
        self._wanted: set[str] = set()
        self._refused: set[str] = set()
        self._renewing: set[str] = set()
        """To be unsubscribed, then subscribed again."""
        self._parts: list[tuple[str, ...]] = []
        self._last_id = 0
        self.asked: Request | None = None
        """The request that the exchange has not answered yet."""

    def want(self, symbols: Iterable[str]) -> None:
        """Carry exactly these symbols; one that was refused is asked for again once it was not wanted meanwhile."""
        self._wanted = set(symbols)
        self._refused &= self._wanted

    def renew(self, symbols: Iterable[str]) -> None:
        """Ask anew for those of `symbols` that are subscribed."""
        self._renewing |= set(symbols) & self._subscribed

    @property
    def confirmed(self) -> set[str]:
        """The symbols that the exchange streams as far as it has answered."""
        asked = set(self.asked.symbols) if self.asked else set()
        return self._subscribed - asked

    @property
    def complete(self) -> bool:
        """Whether nothing is under way and there is nothing left to ask for."""
        return self.asked is None and not self._renewing and self._subscribed == self._wanted - self._refused

    def next_request(self, now: float) -> Request | None:
        """Return the next request, which counts as sent from here on; `None` while one is under way or none is left."""
        if self.asked is not None:
            return None
        self._renewing &= self._subscribed
        unwanted = sorted((self._subscribed - self._wanted) | self._renewing)[: self._per_request]
        symbols = unwanted or self._next_missing()
        if not symbols:
            return None
        self._last_id += 1
        self.asked = Request(self._last_id, not unwanted, tuple(symbols), now)
        if unwanted:
            self._subscribed -= set(symbols)
            self._renewing -= set(symbols)
        else:
            self._subscribed |= set(symbols)
        return self.asked

    def answered(self, answer: Answer) -> Refusal | None:
        """Take in an answer. Returns the request that it refuses, `None` if it refuses none of ours."""
        request = self.asked
        if request is None or answer.request_id not in (None, request.id):
            return None
        self.asked = None
        if answer.error is None:
            return None
        final = not request.subscribes or len(request.symbols) == 1
        if request.subscribes:
            self._subscribed -= set(request.symbols)
            if final:
                self._refused |= set(request.symbols)
            else:
                middle = len(request.symbols) // 2
                self._parts += [request.symbols[middle:], request.symbols[:middle]]
        return Refusal(request, answer.error, final)

    def _next_missing(self) -> list[str]:
        missing = self._wanted - self._subscribed - self._refused
        while self._parts:
            part = [symbol for symbol in self._parts.pop() if symbol in missing]
            if part:
                return part
        return sorted(missing)[: self._per_request]
