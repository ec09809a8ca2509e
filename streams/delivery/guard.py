"""The one way every agent's body ends: handled and acknowledged, or the worker stops."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from streams.delivery.batches import Batch

log = logging.getLogger(__name__)


async def guarded(app: Any, stream: Any, handle: Callable[[Batch], Awaitable[None]]) -> None:
    """Handle every batch of a stream and acknowledge it after.

    Faust acknowledges and skips an event whose handler raises. Here nothing is acknowledged that was not
    handled: what a handler does not expect stops the worker with an error, and a supervisor starts it again.
    """
    stream.enable_acks = False
    async for event in stream.events():
        try:
            await handle(event.value)
        except Exception as error:
            log.exception("%s cannot go on at %s", stream.shortlabel, event.message.tp)
            await app.crash(error)
            # Faust would start this agent again with the next batch, and acknowledging that one would
            # acknowledge this one too. So the partition is held until the worker has stopped.
            await asyncio.Event().wait()
        await stream.ack(event)
