"""The audit in the background: the command, run now and then as a process of its own that others go before."""

import asyncio
import json
import logging
import os
import time

from streams.web.model.board import PARTS
from streams.web.model.pipeline import Audit, facts_of
from streams.web.replica.replica import Replica

log = logging.getLogger(__name__)

PAUSE_S = 60.0
BUSY = 20
"""Its pause is so many times as long as it took, if that is more: an audit of much is not run all the time."""
NICE = 15


async def audit_now_and_then(replica: Replica, command: list[str]) -> None:
    """Audit until cancelled; what it found is put onto the board."""
    await replica.ready.wait()
    while True:
        began = time.monotonic()
        _put(replica, running=True)
        try:
            found = await _audited(command)
        except (OSError, ValueError) as error:
            _put(replica, running=False, error=str(error))
        else:
            orders, differing = found["orders"], found["differences"]
            at = time.time_ns() // 1_000_000
            wrong = len(differing) if isinstance(differing, list) else differing
            _put(replica, running=False, orders=orders, differing=wrong, at_ms=at, error="")
        await asyncio.sleep(max(PAUSE_S, BUSY * (time.monotonic() - began)))


def _put(replica: Replica, **values: object) -> None:
    facts = facts_of(replica.board)
    known = {name: getattr(facts.audit, name) for name in Audit.__struct_fields__}
    facts.audit = Audit(**(known | values))
    replica.board.touch(PARTS)
    replica.changed.set()


async def _audited(command: list[str]) -> dict[str, int]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=lambda: os.nice(NICE),
    )
    try:
        out, error = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    try:
        found: dict[str, int] = json.loads(out)
    except ValueError:
        text = error.decode(errors="replace").strip().splitlines()
        raise ValueError(text[0] if text else f"the audit ended with {process.returncode}") from None
    return found
