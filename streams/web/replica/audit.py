"""The audit in the background: the command, run now and then as a process of its own that others go before."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from streams.web.model.board import PARTS
from streams.web.model.pipeline import Audit, facts_of
from streams.web.replica.replica import Replica

log = logging.getLogger(__name__)

PAUSE_S = 60.0
BUSY = 20
"""Its pause is so many times as long as it took, if that is more: an audit of much is not run all the time."""
NICE = 15
AGAIN_S = 10.0
"""After so long it is looked again at what differs: decisions that were on their way when it read are there by then."""


async def audit_now_and_then(replica: Replica, command: list[str]) -> None:
    """Audit until cancelled; what it found is put onto the board."""
    await replica.ready.wait()
    while True:
        began = time.monotonic()
        _put(replica, running=True)
        try:
            found = await _audited(command)
            if found["differences"]:
                await asyncio.sleep(AGAIN_S)
                found = lasting(found, await _audited(command))
        except (OSError, ValueError) as error:
            _put(replica, running=False, error=str(error))
        else:
            at = time.time_ns() // 1_000_000
            _put(replica, running=False, at_ms=at, error="", **outcome(found))
        await asyncio.sleep(max(PAUSE_S, BUSY * (time.monotonic() - began)))


def lasting(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an audit has found without the differences that the one before it did not find."""
    known = {_place(each) for each in before["differences"]}
    return {**now, "differences": [each for each in now["differences"] if _place(each) in known]}


def _place(difference: Mapping[str, Any]) -> tuple[str, str, int]:
    return difference["instrument"], difference["agent"], difference["version"]


def outcome(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an audit has printed, as fields of `Audit`."""
    differing = found["differences"]
    first = ""
    if differing:
        each = differing[0]
        first = (
            f"{each['instrument']}, {each['agent']}, version {each['version']}: "
            f"recorded {each['recorded'] or 'nothing'}, replayed {each['replayed'] or 'nothing'}"
        )
    return {"orders": found["orders"], "differing": len(differing), "first": first}


def _put(replica: Replica, **values: object) -> None:
    facts = facts_of(replica.board)
    known = {name: getattr(facts.audit, name) for name in Audit.__struct_fields__}
    facts.audit = Audit(**(known | values))
    replica.board.touch(PARTS)
    replica.changed.set()


async def _audited(command: list[str]) -> dict[str, Any]:
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
        found: dict[str, Any] = json.loads(out)
    except ValueError:
        text = error.decode(errors="replace").strip().splitlines()
        raise ValueError(text[0] if text else f"the audit ended with {process.returncode}") from None
    return found
