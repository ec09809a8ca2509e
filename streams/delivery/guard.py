"""The one way every agent's body ends: every batch handled, or the worker stops."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from infra.errors import StackError
from streams.delivery.batches import Batch

log = logging.getLogger(__name__)


async def guarded(app: Any, stream: Any, handle: Callable[[Batch], Awaitable[None]]) -> None:
    """Let every batch of a stream be handled; whoever handles it counts it as done.

    Faust acknowledges and skips an event whose handler raises. Here what a handler does not expect stops the worker
    with an error, and a supervisor starts it again. The batches come straight from the queue into which the consumer
    puts them; Faust's stream would pass each through a dozen calls more.
    """
    channel = stream.channel
    try:
        async for batch in channel:
            try:
                await handle(batch)
            except Exception as error:
                await stop_worker(app, f"{stream.shortlabel} cannot go on at {batch.tp}", error)
                # Faust would start this agent again with the next batch. So the partition is held until the worker
                # has stopped.
                await asyncio.Event().wait()
    finally:
        channel.on_stop_iteration()


async def stop_worker(app: Any, what: str, error: BaseException) -> None:
    """Stop the worker because of an error: with its traceback, unless the error says all there is to say."""
    if isinstance(error, StackError):
        log.error("%s: %s", what, error)
        error.with_traceback(None)  # Faust logs it, too, with its traceback if it has one
    else:
        log.error("%s", what, exc_info=error)
    await app.crash(error)
