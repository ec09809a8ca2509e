"""The way from the workers to the broker, where everything goes wrong that does.

Each request is numbered. A plan says at which number what happens, so that the same plan is the same run.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")


class Kind(StrEnum):
    """What can go wrong with a request, or with the worker that makes it."""

    REFUSE = "the broker refuses it"
    LOSE = "it is done, and its acknowledgement is lost"
    HOLD = "it is held back"
    HOLD_ANSWER = "it is done, and its acknowledgement is held back"
    CANCEL = "the task that makes it is cancelled, and the worker stops"
    CRASH_BEFORE = "the worker is killed before it is done"
    CRASH_AFTER = "the worker is killed after it is done"
    FREEZE = "the worker is frozen"
    LEAVE = "the worker stops in good order"
    REBALANCE = "the group is dealt out anew"
    COMPACT = "the broker compacts"
    EXPIRE = "old records expire"
    ANEW = "a topic is deleted and made anew"


@dataclass(frozen=True)
class Fault:
    """What happens at the request of this number, and for how many seconds; to which topic, if to one.

    What expires is older than that.
    """

    at: int
    kind: Kind
    seconds: float = 0.0
    topic: str = ""

    def __str__(self) -> str:
        lasting = f" for {self.seconds:g} s" if self.seconds else ""
        which = f" ({self.topic})" if self.topic else ""
        return f"at request {self.at} {self.kind}{which}{lasting}"


class BrokerError(Exception):
    """The broker has refused a request, or has not answered."""


class Silent(BaseException):
    """The run is over: what still waits ends."""


@dataclass
class Network:
    """Carries requests, and lets the faults of a plan happen. `world` does what happens to more than one request."""

    plan: Iterable[Fault]
    rng: random.Random
    world: Any
    requests: int = 0
    happened: list[str] = field(default_factory=list)
    healed: bool = False

    def __post_init__(self) -> None:
        self._faults = {fault.at: fault for fault in self.plan}

    async def trip(self, worker: Any, what: str, effect: Callable[[], T]) -> T:
        """Make a request; returns what its effect on the broker returns. Raises `BrokerError`."""
        await worker.awake()
        self.requests += 1
        fault = None if self.healed else self._faults.get(self.requests)
        if fault is not None:
            self.happened.append(f"{self.world.now:7.2f} s  {worker.name}  {what}: {fault}")
            return await self._troubled(worker, fault, effect)
        result = effect()
        await asyncio.sleep(self.rng.random() * 0.01)
        await worker.awake()
        return result

    async def _troubled(self, worker: Any, fault: Fault, effect: Callable[[], T]) -> T:
        await self._before(worker, fault)
        result = effect()
        match fault.kind:
            case Kind.HOLD_ANSWER:
                await asyncio.sleep(fault.seconds)
            case Kind.CRASH_AFTER:
                worker.kill()
            case Kind.LOSE:
                await asyncio.sleep(0.01)
                await worker.awake()
                raise BrokerError("no answer")
        await worker.awake()
        return result

    async def _before(self, worker: Any, fault: Fault) -> None:
        match fault.kind:
            case Kind.REFUSE:
                raise BrokerError("refused")
            case Kind.HOLD:
                await asyncio.sleep(fault.seconds)
            case Kind.CANCEL:
                worker.cancel(asyncio.current_task())
                await asyncio.sleep(0)
            case Kind.CRASH_BEFORE:
                worker.kill()
            case Kind.FREEZE:
                worker.frozen_until = self.world.now + fault.seconds
            case Kind.LEAVE:
                worker.leave()
            case Kind.REBALANCE:
                self.world.group.rebalance(self.world.now)
            case Kind.COMPACT:
                self.world.compact()
            case Kind.EXPIRE:
                self.world.expire(fault.topic, fault.seconds)
            case Kind.ANEW:
                self.world.make_anew(fault.topic)
        await worker.awake()
