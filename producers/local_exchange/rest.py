"""The REST calls of the local exchange: counted, kept within the limit of the exchange, refused on demand."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

from producers.local_exchange.dialect import Call, Dialect, Route
from producers.local_exchange.faults import Faults, HttpFault
from producers.local_exchange.limits import Limit

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RestCalls:
    """The calls of one exchange, and what became of them."""

    def __init__(self, dialect: Dialect, faults: Faults) -> None:
        self.came: Counter[str] = Counter()
        """Calls by path."""
        self.throttled = 0
        """Calls that were beyond the limit."""
        self._faults = faults
        self._weight = Limit(dialect.weight_max, dialect.weight_s)

    def answering(self, route: Route) -> Answering:
        """Return what answers the calls of a route."""

        async def answer(request: web.Request) -> web.StreamResponse:
            self.came[request.path] += 1
            if self._faults.calls:
                return refused(self._faults.calls.popleft())
            if self._weight.exceeded(time.monotonic(), route.weight):
                self.throttled += 1
                return refused(HttpFault(429, "1"))
            reply = route.answer(Call(request.match_info, request.query, request.headers))
            headers = dict(reply.headers)
            return web.Response(body=reply.body, status=reply.status, headers=headers, content_type="application/json")

        return answer


def refused(fault: HttpFault) -> web.Response:
    """Return the error that a fault asks for."""
    return web.Response(status=fault.status, text=fault.text, headers=fault.headers)
