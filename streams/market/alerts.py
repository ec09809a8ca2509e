"""Alerts of prices: off the average of 5 minutes, or beyond the range of the day before the trade."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec

from schemas.units import ONE
from schemas.watches import AlertKind
from streams.market.buckets import MarketTrade
from streams.market.gates import READY, Gate, Side, calm_prices, pass_gate
from streams.market.rules import WatchRules


class Direction(StrEnum):
    """On which side of its reference a price is."""

    UP = "up"
    DOWN = "down"


class Alert(NamedTuple):
    """Something to be told. Prices and fractions in 1e-8, times in microseconds since the epoch, UTC."""

    alert_id: str
    """`exchange:SYMBOL:kind:direction:offset`, with the offset of the trade: the same in a replay. For exchanges apart
    the other instrument and the second stand in place of the offset."""
    instrument: str
    kind: AlertKind
    direction: Direction
    price: int
    event_time: int
    """The time of the trade."""
    reference: int
    """What the price was compared with: the average, or the high or low before it. Rounded down."""
    threshold: int
    """The price had to be off by more than this fraction of the reference."""
    value: int
    """The fraction of the reference that it was off by, rounded towards 0; negative below it."""
    held_back: int
    """How many of the same kind and direction were not told since the last alert."""
    settings_offset: int
    """Where the rules stand in their topic, -1 for the defaults."""
    other: str | None = None
    """The instrument whose price it was compared with, where it was one."""


class Gates(msgspec.Struct, array_like=True):
    """The gates of one instrument."""

    average_up: Gate = msgspec.field(default_factory=Gate)
    average_down: Gate = msgspec.field(default_factory=Gate)
    range_up: Gate = msgspec.field(default_factory=Gate)
    range_down: Gate = msgspec.field(default_factory=Gate)


class Market(NamedTuple):
    """What the price of a trade is compared with, in 1e-8."""

    now: int
    """The newest trade time in microseconds."""
    total: int
    """The average is `total / seconds`; without seconds, the trade is too old for it."""
    seconds: int
    low: int
    """Of the day before the trade."""
    high: int
    is_covered: bool
    """Whether there are a low and a high, of a time long enough."""


def judge(instrument: str, gates: Gates, rules: WatchRules, market: Market, trade: MarketTrade) -> list[Alert]:
    """The alerts that this trade makes."""
    alerts = []
    for kind, gate, side in _sides(gates, rules, market):
        held_back = pass_gate(gate, side, rules.cooldown, trade.price, market.now)
        if held_back is not None:
            alerts.append(_alert(instrument, kind, side, rules, trade, held_back))
    return alerts


def calm_band(gates: Gates, rules: WatchRules, market: Market, until: int) -> tuple[int, int]:
    """The lowest and the highest price that change no gate and no range before the time `until`.

    That is for trades that are the last of the newest second. `market.total` is the sum of the other seconds.
    """
    _, others, seconds, low, high, is_covered = market
    if is_covered and rules.day_range:
        # Any price on the near side of its high, or low, makes a gate ready.
        if gates.range_up.stage != READY:
            low = high
        if gates.range_down.stage != READY:
            high = market.low
    if rules.off_average:
        for gate, sign in ((gates.average_up, 1), (gates.average_down, -1)):
            lowest, highest = calm_prices(gate, sign, others, seconds, rules.deviation, rules.cooldown, until)
            low, high = max(low, lowest), min(high, highest)
    return low, high


def _sides(gates: Gates, rules: WatchRules, market: Market) -> Iterator[tuple[AlertKind, Gate, Side]]:
    if rules.off_average and market.seconds:
        average = market.total, market.seconds, rules.deviation
        yield AlertKind.OFF_AVERAGE, gates.average_up, Side(1, *average)
        yield AlertKind.OFF_AVERAGE, gates.average_down, Side(-1, *average)
    if rules.day_range and market.is_covered:
        yield AlertKind.DAY_RANGE, gates.range_up, Side(1, market.high, 1, 0)
        yield AlertKind.DAY_RANGE, gates.range_down, Side(-1, market.low, 1, 0)


def _alert(
    instrument: str, kind: AlertKind, side: Side, rules: WatchRules, trade: MarketTrade, held_back: int
) -> Alert:
    direction = Direction.UP if side.sign > 0 else Direction.DOWN
    excess = side.sign * (trade.price * side.size - side.total)
    return Alert(
        alert_id=f"{instrument}:{kind}:{direction}:{trade.offset}",
        instrument=instrument,
        kind=kind,
        direction=direction,
        price=trade.price,
        event_time=trade.time,
        reference=side.total // side.size,
        threshold=side.threshold,
        value=side.sign * (excess * ONE // side.total),
        held_back=held_back,
        settings_offset=rules.settings_offset,
    )
