"""Why an order is what it is: the input behind each of its snapshots, the leader before and after, the arithmetic.

The recorded inputs are refolded through the worker's own leader up to the input in question, and every number comes
from the functions of `streams.trading.rules`. Pure; `streams.audit.audit` reads the topics.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from schemas.order_ids import read_id
from schemas.records import Fill, Order, OrderStatus, Setup, Side
from schemas.units import plain
from streams.audit.arithmetic import Calculation, buy_arithmetic, sell_arithmetic
from streams.audit.differences import Difference
from streams.audit.events import Event, Input, event_at, place_of
from streams.audit.facts import Fact, facts_of
from streams.audit.journal import (
    Recorded,
    beginning,
    compare,
    interleaving,
    made_anew,
    refold,
    take_entry,
    take_trades,
)
from streams.trading.leader import LeaderState
from streams.trading.strategy import BUY_REFUSED, COUNT, NEXT

NEAREST = 3
"""So many ids are named in place of an unknown one."""


class UnknownOrder(LookupError):
    """No such order was recorded nor is one refolded; `nearest` are the ids that come closest."""

    def __init__(self, client_order_id: str, nearest: list[str]) -> None:
        super().__init__(f"no order {client_order_id} was recorded")
        self.nearest = nearest


class NotReplayable(LookupError):
    """What the leader has taken is not there any more."""


@dataclass(frozen=True)
class Step:
    """An input and what it did; `also` are the snapshots of other orders that it made."""

    event: Event
    why: str
    state: tuple[Fact, ...]
    arithmetic: tuple[Calculation, ...] = ()
    also: tuple[Order, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of the order as it was recorded and as the refold gives it, and the step that made it."""

    recorded: Order | None
    refolded: Order | None
    step: Step

    @property
    def order(self) -> Order:
        """What was recorded, or should have been."""
        found = self.recorded or self.refolded
        assert found is not None
        return found


@dataclass(frozen=True)
class Explanation:
    """An order from the start of its trader on. `differences` are about this order, `other_differences` counts those
    about other records of the instrument."""

    client_order_id: str
    start: Step | None
    snapshots: tuple[Snapshot, ...]
    differences: tuple[Difference, ...]
    other_differences: int


def explain(stretches: Sequence[Recorded], client_order_id: str) -> Explanation:
    """Explain one order of an instrument; raise `UnknownOrder` for one that was neither recorded nor refolded.

    `exchange:SYMBOL:TRADER:SIDE`, which names no incarnation, stands for the newest order of that name. The stretches,
    in their order, have to hold all that changed the order and the start of its trader. Differences are those within
    them.
    """
    for recorded in stretches:
        _assert_replayable(recorded)
    refolds = [[made for made in refold(recorded) if isinstance(made, Order)] for recorded in stretches]
    known = [order for made, recorded in zip(refolds, stretches, strict=True) for order in (*made, *recorded.orders)]
    client_order_id = _full_id(client_order_id, known)
    explained = [
        snapshot
        for recorded, made in zip(stretches, refolds, strict=True)
        for snapshot in _explained(recorded, made, client_order_id)
    ]
    if not explained:
        first, asked = stretches[0], read_id(client_order_id)
        if first.anew and first.begin and asked and asked.trader < first.begin.leader.head[NEXT]:
            raise NotReplayable(_gone(first, first.anew, "what was recorded before cannot be replayed"))
        raise UnknownOrder(client_order_id, _nearest(stretches[-1], client_order_id))
    trader = explained[0].order.trader
    starts = (_start_step(recorded, trader) for recorded in stretches)
    differences = [difference for recorded in stretches for difference in compare(recorded)]
    ours = [d for d in differences if _is_about(d, client_order_id)]
    start = next((step for step in starts if step is not None), None)
    return Explanation(client_order_id, start, tuple(explained), tuple(ours), len(differences) - len(ours))


def _assert_replayable(recorded: Recorded) -> None:
    """Raise `NotReplayable` where a topic was made anew within what is recorded."""
    anew = made_anew(recorded)
    if anew is not None:
        raise NotReplayable(_gone(recorded, anew, "nothing can be replayed"))


def _gone(recorded: Recorded, topic: str, therefore: str) -> str:
    return f"{recorded.instrument}: its topic {topic} was deleted and made anew: {therefore}"


def _explained(recorded: Recorded, made: Sequence[Order], client_order_id: str) -> Iterator[Snapshot]:
    found, refolded = _snapshots(recorded.orders, client_order_id), _snapshots(made, client_order_id)
    for version in sorted(found.keys() | refolded.keys()):
        pair = found.get(version), refolded.get(version)
        yield Snapshot(*pair, _snapshot_step(recorded, *pair))


def _full_id(typed: str, orders: Sequence[Order]) -> str:
    """Return the id of the newest order that is named so; what was typed where there is none."""
    asked = read_id(typed)
    if asked is None or asked.incarnation:
        return typed
    places = {
        (order.epoch, order.version): order.client_order_id
        for order in orders
        if order.name == f"{asked.instrument}:{asked.trader}:{asked.side}"
    }
    return places[max(places)] if places else typed


def _snapshots(orders: Sequence[Order], client_order_id: str) -> dict[int, Order]:
    """Return the snapshots of one order by version; the first of those that were sent again."""
    snapshots: dict[int, Order] = {}
    for order in orders:
        if order.client_order_id == client_order_id:
            snapshots.setdefault(order.version, order)
    return snapshots


def _is_about(difference: Difference, client_order_id: str) -> bool:
    records = (difference.recorded, difference.refolded)
    return any(isinstance(record, Order) and record.client_order_id == client_order_id for record in records)


def _nearest(recorded: Recorded, client_order_id: str) -> list[str]:
    """Return the recorded ids whose trader's number is nearest to the one asked for."""
    traders = {order.client_order_id: order.trader for order in recorded.orders}
    asked = read_id(client_order_id)
    number = asked.trader if asked else 0
    return sorted(traders, key=lambda name: (abs(traders[name] - number), name))[:NEAREST]


# Replaying up to a place


def _before(recorded: Recorded, place: Input) -> LeaderState:
    """Return the refolded leader right before it takes this input."""
    state = beginning(recorded)
    for entry in interleaving(recorded):
        if place.topic == "trades" and entry.trades_offset >= place.offset:
            break
        take_trades(state, recorded.trades, until=entry.trades_offset)
        if place_of(entry) == place:
            break
        take_entry(state, recorded, entry)
    if place.topic == "trades":
        take_trades(state, recorded.trades, until=place.offset - 1)
    state.outbox = []
    return state


def _after(recorded: Recorded, before: LeaderState, place: Input) -> LeaderState:
    """Return the same leader once it has taken the input; what this made is in its outbox."""
    state = _copy(before)
    if place.topic == "trades":
        take_trades(state, recorded.trades, until=place.offset)
    else:
        for entry in interleaving(recorded):
            if place_of(entry) == place:
                take_entry(state, recorded, entry)
    return state


def _copy(state: LeaderState) -> LeaderState:
    """Return a copy of a leader whose outbox is empty."""
    return msgspec.json.decode(msgspec.json.encode(state), type=LeaderState)


def _cause(order: Order) -> Input:
    """Return the input that made a snapshot."""
    return Input(order.cause_topic, int(getattr(order, f"{order.cause_topic}_offset")))


# The snapshots of the order


def _snapshot_step(recorded: Recorded, found: Order | None, refolded: Order | None) -> Step:
    """Return what the input behind a snapshot did; of the recorded one where there is one."""
    order = found or refolded
    assert order is not None
    place = _cause(order)
    event = event_at(recorded, place)
    before = _before(recorded, place)
    after = _after(recorded, before, place)
    others = [
        made for made in after.outbox if isinstance(made, Order) and made.client_order_id != order.client_order_id
    ]
    return Step(
        event=event,
        why=_why(order, event),
        state=facts_of(before, after, order.trader),
        arithmetic=_arithmetic(before, event, order),
        also=tuple(others),
    )


def _why(order: Order, event: Event) -> str:
    """Return the rule behind a snapshot, in words."""
    if order.cancel_requested and order.cause_topic == "settings":
        return "trading was switched off: the exchange is asked to cancel the open orders"
    if _is_reported(order, event):
        said = event.fill.execution_type.value.lower() if event.fill else "lost"
        part = " part of the order" if order.status is OrderStatus.PARTIALLY_FILLED else ""
        return f"the exchange reports{part}: {said}"
    placed = "is refused by name" if order.status is OrderStatus.REJECTED else "is placed"
    if order.side is Side.BUY:
        return f"the first trade that trader {order.trader} sees: its BUY {placed}"
    if order.cause_topic == "trades":
        return f"the first trade after settings under which trader {order.trader} sells again: its SELL {placed}"
    return f"the BUY of trader {order.trader} is completely filled: its SELL {placed}"


def _is_reported(order: Order, event: Event) -> bool:
    """Return whether a snapshot is what the exchange says of the order, and not its beginning."""
    if event.fill is not None:
        return event.fill.client_order_id == order.client_order_id
    return order.cause_topic == "fills" and order.status not in (OrderStatus.NEW, OrderStatus.REJECTED)


def _arithmetic(before: LeaderState, event: Event, order: Order) -> tuple[Calculation, ...]:
    """Return how price, quantity and rebuy level of a placed order came about; nothing of later snapshots."""
    if order.cancel_requested or _is_reported(order, event) or before.settings is None or before.instrument is None:
        return ()
    setup = Setup(before.instrument, before.settings)
    if order.side is Side.BUY and order.cause_topic == "trades" and event.price is not None:
        return buy_arithmetic(setup, event.price, order.reason)
    if order.side is not Side.SELL or order.trader not in _numbers(before):
        return ()
    at = _numbers(before).index(order.trader)
    bought, quantity = before.leader.bought[at], before.leader.quantity[at]
    seen = event.price if order.cause_topic == "trades" else bought
    return sell_arithmetic(setup, bought, quantity, seen) if bought and seen else ()


# The start of the order's trader


def _start_step(recorded: Recorded, trader: int) -> Step | None:
    """Return the input that started a trader, and why; `None` where the refold starts no such trader."""
    place = _start(recorded, trader)
    if place is None:
        return None
    before = _before(recorded, place)
    after = _after(recorded, before, place)
    event = event_at(recorded, place)
    why, arithmetic = _why_started(before, after, event, trader)
    return Step(event, why, facts_of(before, after, trader), arithmetic)


def _start(recorded: Recorded, trader: int) -> Input | None:
    """Return the input after which this number is given away: a trade that started one more trader left no record."""
    state = beginning(recorded)
    if state.leader.head[NEXT] > trader:
        return None
    for entry in (*interleaving(recorded), None):
        seen = state.trades_offset
        take_trades(state, recorded.trades, until=None if entry is None else entry.trades_offset)
        if state.leader.head[NEXT] > trader:
            return Input("trades", _starting_trade(recorded, seen, trader))
        if entry is not None and take_entry(state, recorded, entry) and state.leader.head[NEXT] > trader:
            return place_of(entry)
    return None


def _starting_trade(recorded: Recorded, seen: int, trader: int) -> int:
    """Return the offset of the first trade after the offset `seen` with which this trader starts."""
    before = _before(recorded, Input("trades", seen + 1))

    def started(offset: int) -> bool:
        state = _copy(before)
        take_trades(state, recorded.trades, until=int(offset))
        return state.leader.head[NEXT] > trader

    offsets = recorded.trades.offsets
    first = bisect_left(offsets, seen + 1)
    return int(offsets[bisect_left(offsets, True, lo=first, key=started)])


def _why_started(
    before: LeaderState, after: LeaderState, event: Event, trader: int
) -> tuple[str, tuple[Calculation, ...]]:
    """Return whose place a trader takes, or whose rebuy level the price fell below, and the arithmetic."""
    if trader not in _numbers(after):
        return "let go by the same input that started it", ()
    if event.place.topic in ("settings", "instruments"):
        return _why_change_started(before, after, event, trader), ()
    filled = None if event.fill is None else _filled_order(before, event.fill)
    finished = None if filled is None or filled.trader in _numbers(after) else filled.trader
    # Traders that rebuys start go to the front: whoever took a place has as many behind it as the one before.
    if finished is not None and _behind(after, trader) == _behind(before, finished):
        return f"takes the place of trader {finished}, whose SELL was completely filled", ()
    price = event.price if filled is None else filled.price
    if price is None:
        return "the input that started it is lost", ()
    levels = dict(zip(_numbers(before), before.leader.rebuy, strict=False))
    fallen = {n: at for n, at in levels.items() if price < at and (filled is None or n != filled.trader)}
    names = " and of trader ".join(map(str, fallen))
    lines = (
        Calculation(f"rebuy level of trader {number}", f"{plain(price)} < {plain(level)}", plain(price), plain(level))
        for number, level in fallen.items()
    )
    return f"one more: the price {plain(price)} is below the rebuy level of trader {names}", tuple(lines)


def _why_change_started(before: LeaderState, after: LeaderState, event: Event, trader: int) -> str:
    at = _numbers(after).index(trader)
    numbers = _numbers(before)
    if at < len(numbers) and before.leader.stage[at] == BUY_REFUSED:
        return f"takes the place of trader {numbers[at]}, whose BUY was refused or ended unfilled"
    if event.place.topic == "instruments":
        return "the exchange's rules came while trading was switched on: the first trader"
    return "trading was switched on: the first trader"


def _filled_order(state: LeaderState, fill: Fill) -> Order | None:
    """Return the open order that a report is about."""
    open_orders = [*state.orders.values(), *state.closing.values()]
    return next((order for order in open_orders if order.client_order_id == fill.client_order_id), None)


def _numbers(state: LeaderState) -> list[int]:
    return list(state.leader.number[: state.leader.head[COUNT]])


def _behind(state: LeaderState, trader: int) -> int:
    """Return how many traders come after this one in the leader's order."""
    numbers = _numbers(state)
    return len(numbers) - numbers.index(trader)
