"""The loop over trades that come in order and that nobody has to be told of: most of all trades. Compiled.

It works on integers of 64 bits alone and stays exact: what might not fit into them, it leaves to `streams.market.step`,
which takes any trade. All that it calls is here, for numba notices no change in another file.
"""

import numpy as np
import numpy.typing as npt

from infra.kept import kept
from schemas.units import ONE

Int64s = npt.NDArray[np.int64]

SECOND_US = 1_000_000
SECONDS = 300
BLOCK_SECONDS = 10
BLOCKS = SECONDS // BLOCK_SECONDS + 1
NEVER = 2**63 - 1
NO_ID = -(2**63)
"""Stands for an id in spans that are not used."""
SPANS = 32
HALF = 10**9
"""Prices are added up in two halves, the upper of which counts so much: 300 of them do not fit into 64 bits."""
SUM_MAX = 2**62
"""The most that a sum here may come to."""

# The columns of trades.
PRICE, QUANTITY, TRADE_ID, TIME, BUYER_IS_MAKER = range(5)

# The numbers of an average, and what a run adds up to.
SECOND, TOTAL_UPPER, TOTAL_LOWER, KNOWN, CHANGED = range(5)
COUNT, VOLUME, MONEY, BOUGHT, HIGH, LOW, LAST_TIME, LAST_ID, LAST_PRICE, REPEATS = range(5, 15)
NUMBERS = 15

# What is known of each second: the last trade up to it, and how many trades it has.
THEN, ID, AT, TRADES = range(4)


@kept
def apply_run(numbers, seconds, spans, columns, rows, first, end, calm, limits, deviation):  # type: ignore[no-untyped-def]
    """Apply the trades `rows[first:]` of `columns` until one comes that is not for here; return its place in `rows`.

    Trades before the time `end` are taken, in order of time and id, or seen before, at prices within `limits`. With
    `calm`, seconds begin here, and prices are taken only if they are off the average by no more than the fraction
    `deviation` of 1e-8; it is negative where nobody asks for that.
    """
    numbers[COUNT : REPEATS + 1] = 0
    numbers[LOW] = NEVER
    low, high = limits[0], limits[1]
    row = numbers[SECOND] % SECONDS
    last_time, last_id, last_price = seconds[THEN, row], seconds[ID, row], seconds[AT, row]
    highest = spans[1, SPANS - 1]
    second_end = (numbers[SECOND] + 1) * SECOND_US
    if calm:
        low, high = calm_band(numbers, seconds, limits, deviation)
    counted = place = 0
    for place in range(first, len(rows) + 1):
        if place == len(rows):
            break
        i = rows[place]
        price, quantity, trade_id, time = (
            columns[PRICE, i],
            columns[QUANTITY, i],
            columns[TRADE_ID, i],
            columns[TIME, i],
        )
        if time >= second_end:
            if time >= end or not calm or trade_id <= highest:
                break
            extend_second(numbers, seconds, last_time, last_id, last_price, counted)
            counted = 0
            begin_second(numbers, seconds, time // SECOND_US)
            second_end = (numbers[SECOND] + 1) * SECOND_US
            low, high = calm_band(numbers, seconds, limits, deviation)
        elif trade_id <= highest or time < last_time:
            if time <= last_time and is_seen(spans, trade_id):
                numbers[REPEATS] += 1
                continue
            break
        if price < low or price > high or not _add(numbers, price, quantity, columns[BUYER_IS_MAKER, i]):
            break
        add_id(spans, trade_id)
        highest = trade_id
        counted += 1
        last_time, last_id, last_price = time, trade_id, price
    extend_second(numbers, seconds, last_time, last_id, last_price, counted)
    numbers[LAST_TIME], numbers[LAST_ID], numbers[LAST_PRICE] = last_time, last_id, last_price
    return place


@kept
def _add(numbers, price, quantity, buyer_is_maker):  # type: ignore[no-untyped-def]
    """Add a trade to the sums, unless one of them might not fit.

    With price and quantity cut into wholes and fractions, the product divided by `ONE` is a sum of three products and
    the fractions' one divided by `ONE`: no part of it is rounded but the last.
    """
    price_whole, quantity_whole = price // ONE, quantity // ONE
    if quantity_whole + 1 > SUM_MAX // ONE // (price_whole + 1):
        return False
    price_part, quantity_part = price - price_whole * ONE, quantity - quantity_whole * ONE
    money = price_whole * quantity + price_part * quantity_whole + price_part * quantity_part // ONE
    if quantity > SUM_MAX - numbers[VOLUME] or money > SUM_MAX - numbers[MONEY]:
        return False
    numbers[COUNT] += 1
    numbers[VOLUME] += quantity
    numbers[MONEY] += money
    if not buyer_is_maker:
        numbers[BOUGHT] += quantity
    numbers[HIGH] = max(numbers[HIGH], price)
    numbers[LOW] = min(numbers[LOW], price)
    return True


@kept
def calm_band(numbers, seconds, limits, deviation):  # type: ignore[no-untyped-def]
    """The lowest and the highest price within `limits` of which an average surely tells nobody.

    A price is told that is off the average, itself counted as the last one of its second, by more than `deviation`. It
    then is off the mean of the other seconds by more, which is what is compared here.
    """
    others = numbers[KNOWN] - 1
    if others < 1 or deviation < 0:
        return limits[0], limits[1]
    own = seconds[AT, numbers[SECOND] % SECONDS]
    upper, lower = numbers[TOTAL_UPPER] - own // HALF, numbers[TOTAL_LOWER] - own % HALF
    mean = upper // others * HALF + (upper % others * HALF + lower) // others
    high = mean + mean // ONE * deviation + mean % ONE * deviation // ONE
    above = mean + 1
    low = above - above // ONE * deviation - above % ONE * deviation // ONE
    return max(limits[0], low), min(limits[1], high)


@kept
def begin_second(numbers, seconds, second):  # type: ignore[no-untyped-def]
    """Let `second`, a later one, be the newest; it and those between get the last price there is."""
    newest = numbers[SECOND] % SECONDS
    if seconds[TRADES, newest]:
        mark(numbers, numbers[SECOND])
    last_time, last_id, last_price = seconds[THEN, newest], seconds[ID, newest], seconds[AT, newest]
    for entered in range(max(numbers[SECOND] + 1, second - SECONDS + 1), second + 1):
        row = entered % SECONDS
        set_last(numbers, seconds, row, last_time, last_id, last_price)
        seconds[TRADES, row] = 0
    numbers[SECOND] = second


@kept
def extend_second(numbers, seconds, last_time, last_id, last_price, count):  # type: ignore[no-untyped-def]
    """Show so many trades of the newest second that came in order, and the last of them."""
    if count:
        row = numbers[SECOND] % SECONDS
        seconds[TRADES, row] += count
        set_last(numbers, seconds, row, last_time, last_id, last_price)


@kept
def show_trade(numbers, seconds, time, trade_id, price):  # type: ignore[no-untyped-def]
    """Show a trade of the newest second or of one before it: it is the last one up to those that have none later."""
    second, start = time // SECOND_US, numbers[SECOND] - SECONDS + 1
    if second >= start:
        seconds[TRADES, second % SECONDS] += 1
        mark(numbers, second)
    for shown in range(max(second, start), numbers[SECOND] + 1):
        row = shown % SECONDS
        then = seconds[THEN, row]
        if seconds[AT, row] and (then > time or (then == time and seconds[ID, row] >= trade_id)):
            break
        set_last(numbers, seconds, row, time, trade_id, price)


@kept
def set_last(numbers, seconds, row, time, trade_id, price):  # type: ignore[no-untyped-def]
    """Let the last trade up to a second be this one; a price of 0 stands for none."""
    old = seconds[AT, row]
    numbers[TOTAL_UPPER] += price // HALF - old // HALF
    numbers[TOTAL_LOWER] += price % HALF - old % HALF
    numbers[KNOWN] += (price > 0) - (old > 0)
    seconds[THEN, row], seconds[ID, row], seconds[AT, row] = time, trade_id, price


@kept
def put_seconds(seconds, start, end, time, differences):  # type: ignore[no-untyped-def]
    """Put in the seconds from `start` to `end` that are told by four numbers each, all but the last as differences."""
    trade_id = price = 0
    for i in range(0, len(differences), 4):
        time += differences[i]
        trade_id += differences[i + 1]
        price += differences[i + 2]
        second = time // SECOND_US
        if start <= second <= end:
            row = second % SECONDS
            seconds[THEN, row], seconds[ID, row], seconds[AT, row] = time, trade_id, price
            seconds[TRADES, row] = differences[i + 3]


@kept
def carry_forward(numbers, seconds, time, trade_id, price):  # type: ignore[no-untyped-def]
    """Give each second without trades the last trade before it, the first of all being this one, and add all up."""
    for second in range(numbers[SECOND] - SECONDS + 1, numbers[SECOND] + 1):
        row = second % SECONDS
        if seconds[TRADES, row]:
            time, trade_id, price = seconds[THEN, row], seconds[ID, row], seconds[AT, row]
        seconds[AT, row] = 0
        if price:
            set_last(numbers, seconds, row, time, trade_id, price)


@kept
def mark(numbers, second):  # type: ignore[no-untyped-def]
    """Let the block of a second have to be stored."""
    numbers[CHANGED] |= 1 << (second // BLOCK_SECONDS % BLOCKS)


@kept
def is_seen(spans, trade_id):  # type: ignore[no-untyped-def]
    """Whether a trade of this id has come, as far as is known."""
    for place in range(SPANS - 1, -1, -1):
        if trade_id > spans[1, place]:
            return False
        if trade_id >= spans[0, place]:
            return True
    return False


@kept
def add_id(spans, trade_id):  # type: ignore[no-untyped-def]
    """Note an id that has not been seen; where no span is left for it, the lowest one is forgotten."""
    place = SPANS - 1
    while place >= 0 and trade_id < spans[0, place]:
        place -= 1
    above = place + 1
    follows = place >= 0 and spans[1, place] != NO_ID and trade_id == spans[1, place] + 1
    precedes = above < SPANS and trade_id + 1 == spans[0, above]
    if follows and precedes:
        spans[0, above] = spans[0, place]
        for i in range(place, 0, -1):
            spans[0, i], spans[1, i] = spans[0, i - 1], spans[1, i - 1]
        spans[0, 0] = spans[1, 0] = NO_ID
    elif follows:
        spans[1, place] = trade_id
    elif precedes:
        spans[0, above] = trade_id
    elif place >= 0:
        for i in range(place):
            spans[0, i], spans[1, i] = spans[0, i + 1], spans[1, i + 1]
        spans[0, place] = spans[1, place] = trade_id
