"""The one way every agent's body ends: handled and counted as done, or the worker stops."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from streams.delivery.batches import Batch

log = logging.getLogger(__name__)


async def guarded(app: Any, stream: Any, handle: Callable[[Batch], Awaitable[None]]) -> None:
    """Handle every batch of a stream and count it as done after.

    Faust acknowledges and skips an event whose handler raises. Here nothing is done that was not handled: what a
    handler does not expect stops the worker with an error, and a supervisor starts it again. The batches come straight
    from the queue into which the consumer puts them; Faust's stream would pass each through a dozen calls more.
    """
    channel = stream.channel
    try:
        async for batch in channel:
            try:
                await handle(batch)
            except Exception as error:
                log.exception("%s cannot go on at %s", stream.shortlabel, batch.tp)
                await app.crash(error)
                # Faust would start this agent again with the next batch, and with that one done this one would
                # count as done too. So the partition is held until the worker has stopped.
                await asyncio.Event().wait()
            app.consumer.done(batch)
    finally:
        channel.on_stop_iteration()
