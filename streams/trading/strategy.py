"""The strategy: what the traders of one instrument decide. Every rule of it stands here and nowhere else.

State is a tuple of integer columns, one entry a running trader in the leader's order. The worker keeps the
columns as lists of Python integers; the backtest compiles these same functions and passes 64-bit arrays.
So they are written in the part of Python that compiles, and know nothing of Kafka, orders' ids or clocks.
"""

from typing import NamedTuple

from streams.trading.filters import ALLOWED, LOSS_LIMIT, MINUTE_LIMIT, NOTIONAL_LIMIT, ORDERS_LIMIT, refusal
from streams.trading.matching import BUYING, SELLING, UNBOUNDED, Column, NewColumn, zeros
from streams.trading.rules import NO_LIMIT, Rules, buy_price, buy_quantity, rebuy_level, sell_price

# What a trader does. Whoever has an order in the market is at the stage that is the order's side, BUYING or SELLING.
WAITING = 0
REFUSED = 2
"""Added to a stage whose order a filter forbids: the trader does nothing more."""
BUY_REFUSED, SELL_REFUSED = BUYING + REFUSED, SELLING + REFUSED
HOLDING = 5
"""Of a trader whose SELL was refused: under new settings it waits for a market trade to place another."""
# What the leader does.
OFF, ON, SHUTDOWN = range(3)


class Leader(NamedTuple):
    """The traders of one instrument: integer columns, of which all but `head` have room for `chunks` traders."""

    head: Column  # [mode, running traders, next trader's number; minute, its orders, day, its loss, see `_is_limited`]
    number: Column  # running number of the trader, unique within the instrument
    stage: Column
    price: Column  # limit of its last order
    quantity: Column
    rebuy: Column  # a price below this starts one more trader; 0: none does, or it has been used up
    resting: Column  # side of its order as long as the market has not filled it, else 0
    bought: Column  # limit of its BUY
    reason: Column  # what forbade its last order, an index in `FILTERS`


MODE, COUNT, NEXT, MINUTE, IN_MINUTE, DAY, LOST = range(7)
HEAD = 7
MINUTE_US, DAY_US = 60_000_000, 86_400_000_000


def new_leader(room: int, column: NewColumn = zeros) -> Leader:
    """Return a leader that is off, with room for `room` traders, its columns as `column` makes them."""
    leader = Leader(column(HEAD), *(column(room) for _ in range(8)))
    leader.head[NEXT] = 1
    return leader


def make_room(leader: Leader, room: int) -> None:
    """Let the columns, Python lists, hold `room` traders; those that run stay."""
    for column in leader[1:]:
        column.extend(zeros(room - len(column)))


def start_trader(leader: Leader, at: int) -> None:
    """Put a new trader, which waits for its first market trade, at index `at` of the leader's order."""
    for i in range(leader.head[COUNT], at, -1):
        _move(leader, i - 1, i)
    _renew(leader, at)
    leader.head[COUNT] += 1


def on_trade(leader: Leader, rules: Rules, now: int, price: int, placed: Column) -> int:
    """Show a market trade to every trader and return how many placed an order; their numbers go into `placed`.

    A trader whose order is forbidden is counted too: its stage says so. `price` is in the units of `rules`, `now` the
    trade's time (µs), which is looked at where the rules are timed.
    """
    orders = 0
    i = 0
    while i < leader.head[COUNT]:
        if leader.stage[i] == WAITING:
            limit = buy_price(rules, price)
            _place(leader, rules, i, BUYING, now, price, limit, buy_quantity(rules, limit))
            leader.rebuy[i] = rebuy_level(rules, limit) if leader.stage[i] == BUYING else 0
            placed[orders] = leader.number[i]
            orders += 1
        else:
            if leader.stage[i] == HOLDING:
                _place(leader, rules, i, SELLING, now, price, sell_price(rules, leader.bought[i]), leader.quantity[i])
                placed[orders] = leader.number[i]
                orders += 1
            if _rebuy(leader, rules, i, price):
                i += 1
        i += 1
    return orders


def on_fill(leader: Leader, rules: Rules, now: int, number: int, complete: bool, price: int, placed: Column) -> int:
    """Show a fill of trader `number`, at its order's own price and at the time `now` (µs), to every trader in order.

    To its own trader it is its fill and nothing else, and acts only if `complete`; to the others it is a price. Returns
    how many placed an order and writes their numbers into `placed`, as `on_trade` does.
    """
    orders = 0
    i = 0
    while i < leader.head[COUNT]:
        if leader.number[i] == number:
            if complete and leader.stage[i] == BUYING:
                _place(leader, rules, i, SELLING, now, price, sell_price(rules, leader.bought[i]), leader.quantity[i])
                placed[orders] = number
                orders += 1
            elif complete and leader.stage[i] == SELLING:
                i -= _finish(leader, rules, i, now)
        elif leader.stage[i] != WAITING and _rebuy(leader, rules, i, price):
            i += 1
        i += 1
    return orders


def set_mode(leader: Leader, mode: int) -> None:
    """Turn the leader `ON`, `OFF` or towards its end; turning it on gives every trader with a refused BUY a successor.

    A successor and not a new try: an order id stands for one order, whatever became of it.
    """
    leader.head[MODE] = mode
    if mode == OFF:
        leader.head[COUNT] = 0
    elif mode == SHUTDOWN:
        dismiss(leader)
    else:
        for i in range(leader.head[COUNT]):
            if leader.stage[i] == BUY_REFUSED:
                _renew(leader, i)
        if leader.head[COUNT] == 0:
            start_trader(leader, 0)


def sell_again(leader: Leader) -> None:
    """Let every trader with a refused SELL place another one at the next market trade, by the settings of then."""
    for i in range(leader.head[COUNT]):
        if leader.stage[i] == SELL_REFUSED:
            leader.stage[i] = HOLDING


def dismiss(leader: Leader) -> None:
    """Let every trader go that waits for nothing, in shutdown only; with the last one the leader is off."""
    if leader.head[MODE] != SHUTDOWN:
        return
    for i in range(leader.head[COUNT] - 1, -1, -1):
        if leader.stage[i] not in (BUYING, SELLING, HOLDING):
            _remove(leader, i)
    _end_of_shutdown(leader)


def trim(leader: Leader, rules: Rules) -> None:
    """Let traders that wait to buy go, the last ones first, while they are too many for the chunks or the budget."""
    for i in range(leader.head[COUNT] - 1, -1, -1):
        if leader.stage[i] == WAITING and (
            leader.head[COUNT] > rules.chunks or spoken_for(leader, rules) > rules.budget
        ):
            _remove(leader, i)


def halt(leader: Leader, number: int, executed: int) -> None:
    """Let trader `number` do nothing more, as if its order was refused, because the exchange ended it unfilled.

    What was `executed` of a SELL is sold: no other SELL of the trader may sell it again.
    """
    for i in range(leader.head[COUNT]):
        if leader.number[i] == number and leader.stage[i] in (BUYING, SELLING):
            if leader.stage[i] == BUYING:
                leader.rebuy[i] = 0
            else:
                leader.quantity[i] -= executed
            leader.stage[i] += REFUSED


def idle_range(leader: Leader) -> tuple[int, int]:
    """Return the market prices at which no trader does anything: low <= price <= high, none if low > high."""
    low = 0
    for i in range(leader.head[COUNT]):
        if leader.stage[i] in (WAITING, HOLDING):
            return UNBOUNDED, 0
        low = max(low, leader.rebuy[i])
    return low, UNBOUNDED


def held(leader: Leader) -> int:
    """Return what all traders have bought and not sold, or are buying by open orders."""
    total = 0
    for i in range(leader.head[COUNT]):
        if leader.stage[i] in (BUYING, SELLING, SELL_REFUSED, HOLDING):
            total += leader.quantity[i]
    return total


def spoken_for(leader: Leader, rules: Rules) -> int:
    """Return what open BUYs and what is held have taken of the budget, and what those who wait to buy may take."""
    total = 0
    for i in range(leader.head[COUNT]):
        if leader.stage[i] == WAITING:
            total += rules.lot_num // rules.lot_den * rules.step
        elif leader.stage[i] != BUY_REFUSED:
            total += leader.bought[i] * leader.quantity[i]
    return total


def _has_room(leader: Leader, rules: Rules) -> bool:
    """Return whether another trader's share of the budget is left: the others may have theirs by older settings."""
    return spoken_for(leader, rules) + rules.lot_num // rules.lot_den * rules.step <= rules.budget


def _rebuy(leader: Leader, rules: Rules, i: int, price: int) -> bool:
    """Start another trader at the front if the price is below the level of the one at `i`, once; whether it did."""
    if price >= leader.rebuy[i]:
        return False
    leader.rebuy[i] = 0
    if leader.head[MODE] != ON or leader.head[COUNT] >= rules.chunks or not _has_room(leader, rules):
        return False
    start_trader(leader, 0)
    return True


def _place(leader: Leader, rules: Rules, i: int, stage: int, now: int, seen: int, limit: int, quantity: int) -> None:
    forbids = refusal(rules, stage, seen, limit, quantity, held(leader))
    if forbids == ALLOWED and stage == BUYING:
        forbids = _limiting(leader, rules, now, seen, limit * quantity)
    allowed = forbids == ALLOWED
    if allowed and rules.minute_limit != NO_LIMIT:
        leader.head[IN_MINUTE] = _orders_in_minute(leader, now) + 1
        leader.head[MINUTE] = max(leader.head[MINUTE], now // MINUTE_US)
    leader.reason[i] = forbids
    leader.price[i] = limit
    leader.quantity[i] = quantity
    leader.stage[i] = stage if allowed else stage + REFUSED
    leader.resting[i] = stage if allowed else 0
    if stage == BUYING:
        leader.bought[i] = limit


def _limiting(leader: Leader, rules: Rules, now: int, seen: int, notional: int) -> int:
    """Return the index in `FILTERS` of the first limit of the user that forbids a BUY of so much, or `ALLOWED`.

    No limit keeps a SELL from leaving: what is held has to be sold some time. A SELL takes the place of its BUY, so the
    limits of notional and of open orders hold all the same; beyond that of a minute there may be one SELL for each BUY.
    """
    if rules.notional_limit != NO_LIMIT and _invested(leader) + notional > rules.notional_limit:
        return NOTIONAL_LIMIT
    if rules.orders_limit != NO_LIMIT and _open_orders(leader) >= rules.orders_limit:
        return ORDERS_LIMIT
    if rules.minute_limit != NO_LIMIT and _orders_in_minute(leader, now) >= rules.minute_limit:
        return MINUTE_LIMIT
    if rules.loss_limit != NO_LIMIT and _lost(leader, rules, now, seen) > rules.loss_limit:
        return LOSS_LIMIT
    return ALLOWED


def _invested(leader: Leader) -> int:
    """Return what open BUYs and what is held have taken."""
    total = 0
    for i in range(leader.head[COUNT]):
        if leader.stage[i] in (BUYING, SELLING, SELL_REFUSED, HOLDING):
            total += leader.bought[i] * leader.quantity[i]
    return total


def _open_orders(leader: Leader) -> int:
    total = 0
    for i in range(leader.head[COUNT]):
        if leader.stage[i] in (BUYING, SELLING):
            total += 1
    return total


def _orders_in_minute(leader: Leader, now: int) -> int:
    """Return how many orders have left in the minute of `now`, or in a later one that was seen already."""
    return leader.head[IN_MINUTE] if now // MINUTE_US <= leader.head[MINUTE] else 0


def _lost(leader: Leader, rules: Rules, now: int, seen: int) -> int:
    """Return what the day of `now` has lost after fees, and what is held would lose if it was sold at `seen`.

    In parts of `fee_den`. What is held and would gain counts for nothing, nor what a halt has left behind.
    """
    total = leader.head[LOST] if now // DAY_US <= leader.head[DAY] else 0
    for i in range(leader.head[COUNT]):
        if leader.stage[i] in (SELLING, SELL_REFUSED, HOLDING):
            loss = leader.bought[i] * (rules.fee_den + rules.fee_num) - seen * (rules.fee_den - rules.fee_num)
            total += max(loss, 0) * leader.quantity[i]
    return total


def _note_loss(leader: Leader, rules: Rules, i: int, now: int) -> None:
    """Count what the trader at `i` has lost by its SELL, at its limit and after fees; less than 0 is a profit."""
    loss = leader.bought[i] * (rules.fee_den + rules.fee_num) - leader.price[i] * (rules.fee_den - rules.fee_num)
    if now // DAY_US > leader.head[DAY]:
        leader.head[DAY] = now // DAY_US
        leader.head[LOST] = 0
    leader.head[LOST] += loss * leader.quantity[i]


def _finish(leader: Leader, rules: Rules, i: int, now: int) -> int:
    """End the trader at `i`; return how many indices those behind it move up: 0 if a new one follows it, else 1.

    No one follows it in shutdown, nor where the others are too many for the chunks, or for the budget, because these
    have become less since they started.
    """
    if rules.loss_limit != NO_LIMIT:
        _note_loss(leader, rules, i, now)
    leader.quantity[i] = 0  # it is sold: its share of the budget is free
    if leader.head[MODE] == ON and leader.head[COUNT] <= rules.chunks and _has_room(leader, rules):
        _renew(leader, i)
        return 0
    _remove(leader, i)
    _end_of_shutdown(leader)
    return 1


def _renew(leader: Leader, i: int) -> None:
    leader.number[i] = leader.head[NEXT]
    leader.head[NEXT] += 1
    leader.stage[i] = WAITING
    leader.price[i] = 0
    leader.quantity[i] = 0
    leader.rebuy[i] = 0
    leader.resting[i] = 0
    leader.bought[i] = 0
    leader.reason[i] = 0


def _remove(leader: Leader, i: int) -> None:
    for k in range(i + 1, leader.head[COUNT]):
        _move(leader, k, k - 1)
    leader.head[COUNT] -= 1


def _end_of_shutdown(leader: Leader) -> None:
    if leader.head[MODE] == SHUTDOWN and leader.head[COUNT] == 0:
        leader.head[MODE] = OFF


def _move(leader: Leader, source: int, target: int) -> None:
    leader.number[target] = leader.number[source]
    leader.stage[target] = leader.stage[source]
    leader.price[target] = leader.price[source]
    leader.quantity[target] = leader.quantity[source]
    leader.rebuy[target] = leader.rebuy[source]
    leader.resting[target] = leader.resting[source]
    leader.bought[target] = leader.bought[source]
    leader.reason[target] = leader.reason[source]
