"""The gate of one kind of alert and one direction: which price passes and is told, and which is only counted.

A price passes that is off its reference by more than a threshold; behind it the gate is shut. It is ready again once
a price is off by less than half the threshold. It is passed again, too, once the cooldown is over and a price has gone
a further half threshold past the one that was told. Within the cooldown nothing passes: a price for which the gate
was ready is counted, and passes when the cooldown is over if prices have stayed off until then.
"""

from typing import NamedTuple

import msgspec

from schemas.units import ONE
from streams.market.buckets import NEVER

# What a gate does with the next price that is off by more than the threshold: it lets it pass, or counts it within the
# cooldown; it lets it pass after the cooldown, having counted it; it lets it pass after the cooldown if it has gone
# further.
READY, WAITING, SHUT = range(3)


class Gate(msgspec.Struct, array_like=True):
    """The state of one kind and direction."""

    stage: int = READY
    time: int | None = None
    """The newest trade time when a price passed last, in microseconds."""
    price: int = 0
    """The price that passed last."""
    held_back: int = 0
    """How many were counted since."""


class Side(NamedTuple):
    """Prices above or below a reference."""

    sign: int
    """1: above, -1: below."""
    total: int
    """The reference is `total / size`, exactly."""
    size: int
    threshold: int
    """A fraction of the reference in units of 1e-8."""


def pass_gate(gate: Gate, side: Side, cooldown: int, price: int, now: int) -> int | None:
    """How many were held back before this price, if it passes, else `None`. Times in microseconds."""
    sign, total, size, threshold = side
    excess = sign * (price * size - total) * ONE
    if 2 * excess < total * threshold:
        gate.stage = READY
    if excess <= total * threshold:
        return None
    if gate.stage == SHUT and 2 * ONE * sign * (price - gate.price) <= gate.price * threshold:
        return None
    if gate.time is not None and now < gate.time + cooldown:
        if gate.stage == READY:
            gate.stage = WAITING
            gate.held_back += 1
        return None
    held_back = gate.held_back - (gate.stage == WAITING)
    gate.stage, gate.time, gate.price, gate.held_back = SHUT, now, price, 0
    return held_back


def calm_prices(
    gate: Gate, sign: int, others: int, size: int, threshold: int, cooldown: int, until: int
) -> tuple[int, int]:
    """The lowest and the highest price that change nothing at the gate before the time `until`.

    Here the reference is the mean of such a price and of others, whose sum is `others`; `size` counts them all.
    """
    low, high = 0, NEVER
    if size == 1:  # a price alone is off nothing: it makes a gate ready, or changes nothing
        return (low, high) if gate.stage == READY else (high, low)
    if gate.stage == READY or gate.time is None or until > gate.time + cooldown:
        total, count = others * (ONE + sign * threshold), ONE * (size - 1) - sign * threshold
        if sign > 0:
            high = total // count
        else:
            low = -(-total // count)
    if gate.stage != READY:
        total, count = others * (2 * ONE + sign * threshold), 2 * ONE * (size - 1) - sign * threshold
        if sign > 0:
            low = -(-total // count)
        else:
            high = total // count
    return low, high
