"""Which symbols one connection carries, and what is to be asked for next. No socket, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass

from producers.adapter import Answer

AGAIN_S, AGAIN_MAX_S = 60.0, 3_600.0
"""A symbol that was refused is asked for again after so long, then after twice as long, up to a limit."""


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
    """A request that the exchange refused, and why.

    `final` if there is nothing to divide, `told` if its symbol was refused for the same reason the last time.
    """

    request: Request
    error: str
    final: bool
    told: bool = False


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why a symbol was refused, and when it is asked for again, after which pause."""

    error: str
    again_at: float
    pause_s: float


class Subscriptions:
    """The symbols of one connection: wanted, subscribed, refused.

    One request is under way at a time, so an answer that names no request can only belong to that one. Of a request
    that is refused each half is asked for again: one symbol that the exchange does not know costs no other its trades.
    That one is asked for again later: it may be listed, or it was the exchange that failed.
    """

    def __init__(self, symbols: Iterable[str], per_request: int) -> None:
        self._subscribed = set(symbols)
        self._per_request = per_request
        self._wanted: set[str] = set()
        self._refused: dict[str, _Refused] = {}
        """As long as it is wanted and not subscribed: also while it is asked for again."""
        self._renewing: set[str] = set()
        """To be unsubscribed, then subscribed again."""
        self._parts: list[tuple[str, ...]] = []
        self._last_id = 0
        self.asked: Request | None = None
        """The request that the exchange has not answered yet."""

    def want(self, symbols: Iterable[str]) -> None:
        """Carry exactly these symbols; one that was refused is asked for again once it was not wanted meanwhile."""
        self._wanted = set(symbols)
        self._refused = {symbol: refused for symbol, refused in self._refused.items() if symbol in self._wanted}

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
        return self.asked is None and not self._renewing and self._subscribed == self._wanted - self._refused.keys()

    @property
    def again_at(self) -> float:
        """When one that was refused is asked for again, in seconds of the session's clock; infinity for none."""
        return min((refused.again_at for refused in self._refused.values()), default=float("inf"))

    def next_request(self, now: float) -> Request | None:
        """Return the next request, which counts as sent from here on; `None` while one is under way or none is left."""
        if self.asked is not None:
            return None
        self._renewing &= self._subscribed
        unwanted = sorted((self._subscribed - self._wanted) | self._renewing)[: self._per_request]
        symbols = unwanted or self._next_missing(now)
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
            for symbol in request.symbols:
                self._refused.pop(symbol, None)
            return None
        if not request.subscribes:
            return Refusal(request, answer.error, final=True)
        self._subscribed -= set(request.symbols)
        if len(request.symbols) == 1:
            return self._refuse(request, answer.error)
        middle = len(request.symbols) // 2
        self._parts += [request.symbols[middle:], request.symbols[:middle]]
        return Refusal(request, answer.error, final=False)

    def _refuse(self, request: Request, error: str) -> Refusal:
        (symbol,) = request.symbols
        before = self._refused.get(symbol)
        pause_s = min(2 * before.pause_s, AGAIN_MAX_S) if before else AGAIN_S
        self._refused[symbol] = _Refused(error, request.sent_at + pause_s, pause_s)
        return Refusal(request, error, final=True, told=before is not None and before.error == error)

    def _next_missing(self, now: float) -> list[str]:
        waiting = {symbol for symbol, refused in self._refused.items() if refused.again_at > now}
        missing = self._wanted - self._subscribed - waiting
        while self._parts:
            part = [symbol for symbol in self._parts.pop() if symbol in missing]
            if part:
                return part
        return sorted(missing)[: self._per_request]
