"""A webhook: each message is one POST of JSON to a URL."""

import httpx

from streams.notify.sinks.outcome import Delivered, Dropped, Held, Message, Outcome, Uncertain, Unreachable

TIMEOUT_S = 15.0
INTERVAL = 100_000
HELD_S = 30
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
REFUSED = (400, 413, 415, 422)
"""What a server answers to a message that it never takes."""


class Webhook:
    """The sink; an address is a URL. A body has `headline`, `detail` and the facts of the message, `id` among them."""

    name = "webhook"
    has_board = False

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S)

    def interval(self, address: str) -> int:
        """Return the microseconds between two messages."""
        return INTERVAL

    async def send(self, address: str, message: Message, *, is_silent: bool = False) -> Outcome:
        """Post the message; the receiver may tell a repeated one by its `id`."""
        body = {"headline": message.headline, "detail": message.detail, **message.facts}
        try:
            answer = await self._client.post(address, json=body)
        except httpx.HTTPError as error:
            return Uncertain(type(error).__name__, False if isinstance(error, NOT_SENT) else None)
        return _outcome_of(answer)

    async def edit(self, address: str, message_id: int, message: Message) -> Outcome:
        """Nothing that was posted can be changed."""
        return Dropped("a webhook cannot be edited")

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


def _outcome_of(answer: httpx.Response) -> Outcome:
    if answer.is_success:
        return Delivered()
    reason = f"HTTP {answer.status_code}"
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or "retry-after" in answer.headers:
        said = answer.headers.get("retry-after", "")
        return Held(int(said) if said.isascii() and said.isdigit() else HELD_S)
    if answer.status_code in REFUSED:
        return Dropped(reason)
    return Uncertain(reason) if answer.is_server_error else Unreachable(reason)
