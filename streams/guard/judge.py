"""What the guard has seen, and what has to be halted for it. No clock, no I/O.

Times are microseconds of the guard's own waking time: what it slept through is nobody's silence. Money is in 1e-16 of a
quote asset, as in `streams.trading.account`.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.records import Settings, Side, TradingStatus
from schemas.units import ONE, plain
from streams.trading.account import held
from streams.trading.leader import LeaderState

SECOND = 1_000_000
MINUTE = 60 * SECOND


class Limits(NamedTuple):
    """What is watched; 0 is not. Money and orders are those of all instruments together."""

    stale: int
    heartbeat: int
    notional: int = 0
    orders: int = 0
    minute: int = 0
    loss: int = 0


class Progress(NamedTuple):
    """How far the workers that trade have come."""

    members: int
    """How many have joined and are known to their group by their heartbeats."""
    committed: int
    """The sum of the offsets that they have committed."""
    behind: int
    """How many records they have still to handle."""


class Verdict(NamedTuple):
    """What is to be halted, and why: a word for programs, and a sentence for people."""

    reason: str
    instruments: frozenset[str] | None
    """`None` for all that are traded."""
    text: str


@dataclass
class Standing:
    """What a leader said of itself last."""

    quote: str
    """The asset that its money is in; "" where it does not know its instrument yet."""
    orders: int
    """Those that are open."""
    notional: int
    """What its open BUYs may take, and what was paid for what is held."""
    quantity: int
    cost: int
    realised: int


@dataclass
class Watch:
    """What was seen of all instruments. `began` is when the guard began to watch."""

    began: int
    settings: dict[str, Settings] = field(default_factory=dict)
    fresh: dict[str, int] = field(default_factory=dict)
    """When each traded instrument had its last trade, or was switched on."""
    prices: dict[str, int] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    placed: deque[int] = field(default_factory=deque)
    """When orders were placed, within a minute."""
    progress: Progress | None = None
    alive: int = 0
    """When a worker was last seen to go on, or not to have to."""
    day: int = -1
    before: dict[str, int] = field(default_factory=dict)
    """What each leader had earned before this day, or before the guard saw it first on it."""

    def __post_init__(self) -> None:
        self.alive = self.began

    @property
    def traded(self) -> list[str]:
        """Return the instruments that are traded."""
        return [key for key, each in self.settings.items() if each.status is not TradingStatus.OFF]


def take_settings(watch: Watch, changed: Settings, now: int) -> None:
    """Take a record of settings, in the order of the topic."""
    key = changed.instrument
    watch.settings[key] = changed.upon(watch.settings.get(key))
    if watch.settings[key].status is TradingStatus.OFF:
        watch.fresh.pop(key, None)
    else:
        watch.fresh.setdefault(key, now)


def take_price(watch: Watch, instrument: str, price: int, now: int) -> None:
    """Take the price of a market trade that has just arrived."""
    watch.prices[instrument] = price
    if instrument in watch.fresh:
        watch.fresh[instrument] = now


def take_order(watch: Watch, now: int) -> None:
    """Take an order that was placed just now."""
    watch.placed.append(now)


def take_leader(watch: Watch, instrument: str, state: LeaderState) -> None:
    """Take what a leader has stored of itself."""
    orders = [*state.orders.values(), *state.closing.values()]
    lot = held(state.account)
    buying = sum(each.price * (each.quantity - each.executed_quantity) for each in orders if each.side is Side.BUY)
    quote = state.instrument.quote_asset if state.instrument else ""
    realised = state.account.realised
    watch.standings[instrument] = Standing(quote, len(orders), buying + lot.cost, lot.quantity, lot.cost, realised)
    watch.before.setdefault(instrument, realised)


def take_progress(watch: Watch, progress: Progress, now: int) -> None:
    """Take what the broker says of the workers' group."""
    before = watch.progress
    went_on = before is None or progress.committed != before.committed or not progress.behind
    if progress.members and went_on:
        watch.alive = now
    watch.progress = progress


def begin_day(watch: Watch, day: int, known: Mapping[str, int] | None = None) -> None:
    """Count losses from here on, on another day since 1970, UTC; `known` is what was earned before it, from a file."""
    watch.day = day
    watch.before = {key: standing.realised for key, standing in watch.standings.items()} | dict(known or {})


def lost(watch: Watch, instrument: str) -> int:
    """Return what the day has lost, and what is held would lose at the newest price; less than 0 is a profit.

    What is held and would gain counts for nothing, and so does what has no price yet.
    """
    standing = watch.standings[instrument]
    price = watch.prices.get(instrument)
    unrealised = 0 if price is None else max(standing.cost - price * standing.quantity, 0)
    return watch.before[instrument] - standing.realised + unrealised


def verdicts(watch: Watch, limits: Limits, now: int) -> Iterator[Verdict]:
    """Yield what has to be halted now; nothing while nothing is traded."""
    traded = watch.traded
    if not traded:
        return
    if limits.heartbeat and now - watch.alive > limits.heartbeat:
        members = watch.progress.members if watch.progress else 0
        said = f"{members} workers stand still" if members else "no worker is there"
        yield Verdict("heartbeat", None, f"{said} for {(now - watch.alive) // SECOND} s")
    stale = frozenset(key for key in traded if limits.stale and now - watch.fresh[key] > limits.stale)
    if stale:
        yield Verdict("stale", stale, f"no trade for more than {limits.stale // SECOND} s")
    yield from _own_losses(watch, traded)
    yield from _totals(watch, limits, now)


def _own_losses(watch: Watch, traded: list[str]) -> Iterator[Verdict]:
    for key in traded:
        limit = watch.settings[key].loss_limit
        if limit and key in watch.standings and lost(watch, key) > limit * ONE:
            yield Verdict("loss", frozenset({key}), f"a loss of {_money(lost(watch, key))}, limit {plain(limit)}")


def _totals(watch: Watch, limits: Limits, now: int) -> Iterator[Verdict]:
    """Yield what all instruments together have too much of; money of each quote asset by itself."""
    notional, losses = dict[str, int](), dict[str, int]()
    for key, standing in watch.standings.items():
        notional[standing.quote] = notional.get(standing.quote, 0) + standing.notional
        losses[standing.quote] = losses.get(standing.quote, 0) + lost(watch, key)
    for quote, total in losses.items():
        if limits.loss and total > limits.loss:
            yield Verdict("loss", None, f"a loss of {_money(total)} {quote} in all, limit {_money(limits.loss)}")
    for quote, total in notional.items():
        if limits.notional and total > limits.notional:
            yield Verdict("notional", None, f"{_money(total)} {quote} in all, limit {_money(limits.notional)}")
    orders = sum(standing.orders for standing in watch.standings.values())
    if limits.orders and orders > limits.orders:
        yield Verdict("orders", None, f"{orders} open orders in all, limit {limits.orders}")
    while watch.placed and now - watch.placed[0] >= MINUTE:
        watch.placed.popleft()
    if limits.minute and len(watch.placed) > limits.minute:
        yield Verdict("minute", None, f"{len(watch.placed)} orders within a minute in all, limit {limits.minute}")


def _money(amount: int) -> str:
    return plain(amount // ONE)
