"""Halting: trading is off and stays off, until somebody starts each instrument by its name.

A halt is a record of settings like any other. So it is in the topic before it is told as done, whoever is down: the
leaders and the exchange's book obey it when they read it, and do so again after any restart.
"""

import time
from collections.abc import Collection

import msgspec

from infra.config import Config
from infra.errors import StackError
from producers.settings_topic import change, read_all
from schemas.records import Settings, TradingStatus

ROUNDS_MAX = 5
"""So often what somebody starts meanwhile is halted, too."""


def halt(config: Config, instruments: Collection[str] | None = None) -> dict[str, Settings]:
    """Halt these instruments, `exchange:SYMBOL`, or all that are traded; return what was halted as it was before.

    Returns when the topic, read again, says of each that it is off. Raises what `change` raises, and `StackError` where
    somebody else starts one again and again.
    """
    halted: dict[str, Settings] = {}
    for _ in range(ROUNDS_MAX):
        running = _running(config, instruments)
        if not running:
            return halted
        now = time.time_ns() // 1_000
        stopped = {"status": TradingStatus.OFF, "halted": True, "updated_time": now}
        change(config, [(each, msgspec.structs.replace(each, **stopped)) for each in running.values()])
        halted = running | halted
    left = sorted(_running(config, instruments))
    if left:
        raise StackError(f"not halted: somebody starts {left[0]} again and again ({len(left)} instruments)")
    return halted


def _running(config: Config, instruments: Collection[str] | None) -> dict[str, Settings]:
    return {
        key: settings
        for key, settings in read_all(config).items()
        if settings.status is not TradingStatus.OFF and (instruments is None or key in instruments)
    }
