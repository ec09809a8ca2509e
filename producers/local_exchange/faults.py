"""What the local exchange does wrong on demand, besides what it sends: refused handshakes, requests and REST calls."""

from collections import Counter, deque
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus


@dataclass(frozen=True)
class HttpFault:
    """One HTTP request is answered by an error; `retry_after` is what the header of that name says."""

    status: int
    retry_after: str = ""
    body: str = ""

    @property
    def text(self) -> str:
        """The body."""
        return self.body or HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else self.body

    @property
    def headers(self) -> dict[str, str]:
        """The headers."""
        return {"Retry-After": self.retry_after} if self.retry_after else {}


def http_date(time_s: float) -> str:
    """Return a time (seconds since the epoch) as `Retry-After` may have it."""
    return formatdate(time_s, usegmt=True)


@dataclass
class Faults:
    """The faults to come, set by tests at any time."""

    handshakes: deque[HttpFault] = field(default_factory=deque)
    """The next handshakes are refused by these."""
    calls: deque[HttpFault] = field(default_factory=deque)
    """The next REST calls are answered by these."""
    refused_requests: int = 0
    """So many of the next requests on a connection are answered by an error, which names their id or not."""
    refusals_have_ids: bool = True
    skipped: Counter[str] = field(default_factory=Counter)
    """By symbol: so many of the next trades are never sent; REST has them."""
    held: Counter[str] = field(default_factory=Counter)
    """By symbol: so many of the next trades are sent late, by `LocalExchange.release`."""
    cut_until: float = 0.0
    """Handshakes are refused until then (seconds of the monotonic clock)."""

    def take(self, pending: Counter[str], symbol: str) -> bool:
        """Return whether one of the `pending` faults hits the trade of a symbol, which uses it up."""
        hit = pending[symbol] > 0
        pending[symbol] -= hit
        return hit
