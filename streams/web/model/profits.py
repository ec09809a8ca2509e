"""What the traders of one instrument made: a fold of execution reports, each counted once, whoever tells it.

A trader buys once and sells once, or again after a SELL that ended. As in the sum of `streams.warehouse.queries`, what
was bought and sold again counts, of a trader that sold a part the same part of its buying, and a trader with reports
missing does not.
Money is in 1e-8 of the quote asset, values of fills in 1e-16; times in microseconds, UTC.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from schemas.order_ids import OrderId, read_id
from schemas.records import ExecutionType, Fill, Side
from schemas.units import ONE

DAY_US = 86_400_000_000


class Half(msgspec.Struct):
    """What one order of a trader executed."""

    quantity: int = 0
    value: int = 0
    commission: int = 0
    cumulative: int = 0
    ordered: int = 0
    last_price: int = 0
    time: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every report of it was seen."""
        return self.quantity == self.cumulative


class Pair(msgspec.Struct):
    """What one trader bought and sold: one BUY, and a SELL, after one that ended another."""

    bought: Half = msgspec.field(default_factory=Half)
    sales: dict[str, Half] = {}
    """By the side in the order's id: `S`, `S2`."""

    @property
    def sold(self) -> Half:
        """All that was sold."""
        sales = list(self.sales.values())
        if len(sales) == 1:
            return sales[0]
        names = ("quantity", "value", "commission", "cumulative", "ordered")
        sums: dict[str, int] = {name: sum(getattr(half, name) for half in sales) for name in names}
        last = max(sales, key=lambda half: half.time, default=Half())
        return Half(**sums, last_price=last.last_price, time=last.time)

    @property
    def is_known(self) -> bool:
        """Whether nothing of it is missing."""
        return self.bought.is_whole and self.sold.is_whole and self.bought.quantity >= self.sold.quantity

    @property
    def paid(self) -> int:
        """What the buying cost, commission included."""
        cost: int = self.bought.value // ONE + self.bought.commission
        return cost

    @property
    def profit(self) -> int:
        """After the commissions of both sides, over what was sold again."""
        sold, bought = self.sold.quantity, self.bought.quantity
        if not self.is_known or not sold:
            return 0
        received: int = self.sold.value // ONE - self.sold.commission
        return received - (self.paid if sold == bought else self.paid * sold // bought)

    @property
    def unsold(self) -> int:
        """How much was bought and not yet sold, in the base asset."""
        return self.bought.quantity - self.sold.quantity if self.is_known else 0

    @property
    def cost(self) -> int:
        """What the unsold part cost."""
        return self.paid * self.unsold // self.bought.quantity if self.unsold else 0

    @property
    def is_done(self) -> bool:
        """Whether it sold all that it had bought."""
        return self.is_known and self.sold.quantity > 0 and self.sold.quantity == self.bought.quantity


class Cycle(NamedTuple):
    """A trader that has sold all it had bought."""

    time: int
    trader: int
    profit: int
    bought_at: int
    sold_at: int


class Profits(msgspec.Struct):
    """The traders of one instrument, by incarnation and number."""

    pairs: dict[tuple[str, int], Pair] = {}
    profit: int = 0
    unsold: int = 0
    cost: int = 0
    cycles: int = 0
    unknown: int = 0
    steps: list[tuple[int, int]] = []
    """How the profit changed: time and by how much, in the order in which it was told."""


class Executed(NamedTuple):
    """What is known of one order from elsewhere: the sums over its reports."""

    client_order_id: str
    half: Half


def load(profits: Profits, executed: Executed) -> None:
    """Take the sums of an order of which no report was taken yet."""
    named = read_id(executed.client_order_id)
    if named is not None:
        _replace(profits, named, executed.half)


def take_fill(profits: Profits, fill: Fill) -> Cycle | None:
    """Take one report; one that says nothing new changes nothing. Returns the cycle that it finished."""
    named = read_id(fill.client_order_id)
    if named is None or fill.execution_type is not ExecutionType.TRADE:
        return None
    pair = profits.pairs.get(_key(named), Pair())
    known = pair.bought if fill.side is Side.BUY else pair.sales.get(named.side, Half())
    if fill.cumulative_quantity <= known.cumulative:
        return None
    half = Half(
        quantity=known.quantity + fill.quantity,
        value=known.value + fill.price * fill.quantity,
        commission=known.commission + fill.commission,
        cumulative=fill.cumulative_quantity,
        ordered=fill.order_quantity,
        last_price=fill.price,
        time=max(known.time, fill.transaction_time),
    )
    _replace(profits, named, half)
    after = profits.pairs[_key(named)]
    return cycle_of(named.trader, after) if fill.side is Side.SELL and after.is_done else None


def cycle_of(trader: int, pair: Pair) -> Cycle:
    """Return a pair that is done as a cycle."""
    return Cycle(pair.sold.time, trader, pair.profit, pair.bought.last_price, pair.sold.last_price)


def cycles(profits: Profits, since: int) -> Iterator[Cycle]:
    """Yield the cycles that were finished at or after a time."""
    for (_, trader), pair in profits.pairs.items():
        if pair.is_done and pair.sold.time >= since:
            yield cycle_of(trader, pair)


def curve(profits: Profits) -> list[tuple[int, int]]:
    """Return the profit over time: a point at each change, in the order of time."""
    total, found = 0, []
    for time, change in sorted(profits.steps):
        total += change
        found.append((time, total))
    return found


def since(profits: Profits, time: int) -> int:
    """Return what was made at or after a time."""
    return sum(change for at, change in profits.steps if at >= time)


def _replace(profits: Profits, named: OrderId, half: Half) -> None:
    key = _key(named)
    before = profits.pairs.get(key, Pair())
    is_buy = named.side == "B"
    after = Pair(half, before.sales) if is_buy else Pair(before.bought, before.sales | {named.side: half})
    profits.pairs[key] = after
    change = after.profit - before.profit
    profits.profit += change
    profits.unsold += after.unsold - before.unsold
    profits.cost += after.cost - before.cost
    profits.cycles += after.is_done - before.is_done
    profits.unknown += (not after.is_known) - (not before.is_known)
    if change:
        profits.steps.append((max(after.sold.time, after.bought.time), change))


def _key(named: OrderId) -> tuple[str, int]:
    return named.incarnation, named.trader
