"""One run of a seed, and the smallest plan of faults with which it still fails."""

import asyncio
import logging
import random
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulation.invariants import at_the_end, committed
from tests.simulation.loop import SimulatedLoop, Stuck
from tests.simulation.network import Fault, Kind
from tests.simulation.world import World, market_of

HOLD_MAX_S = 20.0
FREEZE_MAX_S = 3.0
"""With the time between two heartbeats shorter than a session."""
ZOMBIE_MAX_S = 20.0
REQUESTS = 500
"""About as many as a run makes."""
FAULTS_MAX = 12
FINDINGS_MAX, LINE = 6, 300
AGE_MAX_S = 60.0
"""What expires is up to so old at least, in runs of a minute or two."""
EXPIRING = ("trades", "orders", "fills", "applied", "checkpoints")
DELETED = (*EXPIRING, "settings", "instruments")
NEAR = 8
"""Half of the faults come so soon after another: it is two at once that break most."""


@dataclass(frozen=True)
class Rules:
    """What is drawn. With `zombies` workers are frozen for longer than a session."""

    zombies: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a run found."""

    findings: tuple[str, ...]
    happened: tuple[str, ...]
    written: dict[str, int]
    """Records by topic."""


def plan_of(seed: int, rules: Rules) -> tuple[Fault, ...]:
    """The faults of a seed."""
    rng = random.Random(f"plan {seed}")
    lasting = {Kind.HOLD: HOLD_MAX_S, Kind.HOLD_ANSWER: HOLD_MAX_S, Kind.FREEZE: FREEZE_MAX_S, Kind.EXPIRE: AGE_MAX_S}
    topics = {Kind.EXPIRE: EXPIRING, Kind.ANEW: DELETED}
    faults = []
    for _ in range(rng.randint(1, FAULTS_MAX)):
        kind = rng.choice(list(Kind))
        longest = ZOMBIE_MAX_S if rules.zombies and kind is Kind.FREEZE else lasting.get(kind, 0.0)
        near = rng.choice(faults).at + rng.randint(1, NEAR) if faults and rng.random() < 0.5 else None
        at, seconds = near or rng.randint(1, REQUESTS), round(longest * rng.random(), 1)
        faults.append(Fault(at, kind, seconds, rng.choice(topics.get(kind, ("",)))))
    return tuple(sorted(faults, key=lambda fault: fault.at))


def run(seed: int, plan: Sequence[Fault], rules: Rules) -> Outcome:
    """Play a seed's market with a plan of faults."""
    loop = SimulatedLoop()
    asyncio.set_event_loop(loop)
    world = World(seed, market_of(seed), plan, committed)
    loop.set_exception_handler(lambda _, context: world.finding(f"{context['message']}: {context.get('exception')!r}"))
    logging.disable(logging.CRITICAL)
    try:
        loop.run_until_complete(world.run())
        world.findings += at_the_end(world)
    except Stuck as error:
        world.finding(str(error))
    finally:
        logging.disable(logging.NOTSET)
        asyncio.set_event_loop(None)
        loop.close()
    written: Counter[str] = Counter()
    for tp, log in world.broker.logs.items():
        written[tp.topic] += log.end
    return Outcome(tuple(world.findings), tuple(world.network.happened), written)


def shrunk(seed: int, plan: Sequence[Fault], rules: Rules) -> tuple[Fault, ...]:
    """The plan without the faults that a failure does not need."""
    needed = list(plan)
    for fault in plan:
        without = [other for other in needed if other is not fault]
        if run(seed, without, rules).findings:
            needed = without
    return tuple(needed)


def told(seed: int, rules: Rules) -> str | None:
    """Run a seed; in words what went wrong and why, `None` if nothing did."""
    plan = plan_of(seed, rules)
    if not run(seed, plan, rules).findings:
        return None
    plan = shrunk(seed, plan, rules)
    outcome = run(seed, plan, rules)
    lines = [*outcome.happened, *(textwrap.shorten(finding, LINE) for finding in outcome.findings[:FINDINGS_MAX])]
    return "\n  ".join([f"seed {seed}: {market_of(seed)}", *lines])
