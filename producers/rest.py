"""REST calls to one exchange within its limits: a budget over time, and silence for as long as a refusal asks for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from producers.adapter import Exchange, HistoryUnavailable, Newest
from producers.retry_after import retry_after_s
from producers.websocket import is_loopback

TIMEOUT_S = 10.0
AGAIN_S = 5.0
"""So long is waited after a failure that names no time."""
BANNED = 418
BANNED_S = 120.0
"""The shortest ban that Binance names; one without a time is taken to be as long."""
SHOWN = 200
"""Characters of a refusal's body that are told."""


@dataclass(frozen=True)
class Budget:
    """So many requests, or units of weight where the exchange counts those, in `seconds`; `burst` of them at once."""

    weight: float
    seconds: float
    burst: float


class Rest:
    """A client of one exchange's REST server at `url`. Clock (seconds), wall clock (seconds) and sleep can be given."""

    def __init__(
        self,
        url: str,
        budget: Budget,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url, self._budget = url.rstrip("/"), budget
        self._clock, self._wall, self._sleep = clock, wall, sleep
        self._left, self._left_at = budget.burst, clock()
        self._closed_until = clock()
        self._closed_by = ""
        self._client: httpx.AsyncClient | None = None

    async def get(
        self, path: str, params: Mapping[str, str | int], weight: float = 1, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the body of the answer to a GET, after waiting until the budget has `weight` left.

        Raises `HistoryUnavailable`: later for 429, 418, 5xx and no answer, at once also for whoever asks next, so that
        a refusal is heard by all; never for any other refusal.
        """
        self._refuse_while_closed()
        await self._afford(weight)
        self._refuse_while_closed()
        client = self._opened()
        try:
            answer = await client.get(self._url + path, params=dict(params), headers=dict(headers or {}))
        except httpx.HTTPError as error:
            reason = f"{path}: {error or type(error).__name__}"
            raise HistoryUnavailable(reason, AGAIN_S) from error
        if answer.status_code == HTTPStatus.OK:
            return answer.content
        raise self._refusal(path, answer)

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=not is_loopback(self._url))
        return self._client

    def _refusal(self, path: str, answer: httpx.Response) -> HistoryUnavailable:
        reason = f"{path}: HTTP {answer.status_code}: {answer.text[:SHOWN]}"
        banned = answer.status_code == BANNED
        if not banned and answer.status_code != HTTPStatus.TOO_MANY_REQUESTS and answer.status_code < 500:
            return HistoryUnavailable(reason, None)
        asked = retry_after_s(answer.headers.get("Retry-After", ""), self._wall())
        wait_s = asked or (BANNED_S if banned else AGAIN_S)
        if asked or banned or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self._closed_until, self._closed_by = self._clock() + wait_s, reason
        return HistoryUnavailable(reason, wait_s)

    def _refuse_while_closed(self) -> None:
        left_s = self._closed_until - self._clock()
        if left_s > 0:
            raise HistoryUnavailable(self._closed_by, left_s)

    async def _afford(self, weight: float) -> None:
        """Take `weight` off the budget; what is not there yet is waited for, in the order of asking."""
        now, budget = self._clock(), self._budget
        rate = budget.weight / budget.seconds
        self._left = min(budget.burst, self._left + (now - self._left_at) * rate) - weight
        self._left_at = now
        if self._left < 0:
            await self._sleep(-self._left / rate)


async def one_by_one(symbols: Sequence[str], ask: Callable[[str], Awaitable[Newest]]) -> list[Newest]:
    """Return the newest trades of symbols that are asked for one by one.

    Left out are those that are refused, and those after one that is refused for now: it would be so for them, too.
    Raises `HistoryUnavailable` if that leaves none.
    """
    found: list[Newest] = []
    refusal = None
    for symbol in symbols:
        try:
            found.append(await ask(symbol))
        except HistoryUnavailable as error:
            refusal = error
            if error.again_s is not None:
                break
    if refusal is not None and not found:
        raise refusal
    return found


def known(rest: Rest | None, exchange: Exchange) -> Rest:
    """Return the client; `HistoryUnavailable`, for good, where no REST server of the exchange is known."""
    if rest is None:
        raise HistoryUnavailable(f"{exchange.name}: no REST server is known", None)
    return rest
