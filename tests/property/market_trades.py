"""Random trades of one instrument: in order, late, ancient and at once, quiet and fast, calm and with spikes."""

import random

from hypothesis import strategies as st

from streams.market.buckets import MarketTrade
from streams.market.rules import WatchRules

S, MIN, H = 1_000_000, 60_000_000, 3_600_000_000
START_TIME = 20_000 * 24 * H
FIRST_OFFSET = 100
KNOWN = 20
"""Trades of which it is known for sure that they have come."""

# How far the time goes on between two trades, and how much older than that a trade may be.
STEPS = [0, 1, 300_000, S - 1, S, 10 * S, 59 * S, MIN, 4 * MIN, 299 * S, 301 * S, 7 * MIN, H, 5 * H, 23 * H]
STEPS += [24 * H - MIN, 24 * H, 25 * H, 49 * H]
LATE = [1, 400_000, S, 30 * S, MIN, 298 * S, 299 * S, 300 * S, 6 * MIN, H, 23 * H, 24 * H - 1, 24 * H, 24 * H + MIN]
LATE += [25 * H, 72 * H]

# Of 50, one is 2 %: prices are exactly at the threshold often.
PRICES = st.one_of(st.integers(96, 104), st.sampled_from([50, 51, 100, 101, 102, 103, 10**18 - 1]), st.just(100))
QUANTITIES = st.one_of(st.integers(1, 10**10), st.integers(10**26, 10**28 - 1))


MOMENTS = st.tuples(
    st.one_of(st.sampled_from(STEPS[:3]), st.sampled_from(STEPS)),
    st.one_of(st.just(0), st.just(0), st.sampled_from(LATE)),
)
TRADES = st.lists(st.tuples(MOMENTS, PRICES, QUANTITIES, st.booleans()), min_size=1, max_size=40)
PACES = st.sampled_from([1, 1, 60, 1_000])


@st.composite
def market_trades(draw: st.DrawFn) -> list[MarketTrade]:
    """Trades by rising offset. Ids rise with the offset, and then some come twice, or are in no order."""
    drawn, pace = draw(TRADES), draw(PACES)
    step = draw(st.sampled_from([1, 1, 3]))
    ids = [step * i for i in range(len(drawn))]
    in_order = draw(st.booleans())
    if not in_order:
        random.Random(draw(st.integers(0, 99))).shuffle(ids)
    trades = []
    now = START_TIME + draw(st.sampled_from([0, 1, 59 * S, 12 * H]))
    for i, ((step, late), price, quantity, buyer_is_maker) in enumerate(drawn):
        now += step // pace
        trades.append(MarketTrade(FIRST_OFFSET + 3 * i, price, quantity, ids[i], now - late, buyer_is_maker))
    return [trade._replace(offset=FIRST_OFFSET + 3 * i) for i, trade in enumerate(_some_twice(draw, trades, in_order))]


def _some_twice(draw: st.DrawFn, trades: list[MarketTrade], in_order: bool) -> list[MarketTrade]:
    """The trades, after some of them one of the last `KNOWN` before it again; late ones in between are not moved."""
    again = draw(st.dictionaries(st.integers(0, 39), st.integers(0, KNOWN - 1), max_size=10)) if in_order else {}
    with_repeats = []
    for i, trade in enumerate(trades):
        with_repeats.append(trade)
        if i in again:
            with_repeats.append(trades[max(0, i - again[i])])
    return with_repeats


RULES = st.builds(
    WatchRules,
    deviation=st.sampled_from([1, 500_000, 1_000_000, 2_000_000, 4_000_000, 50_000_000]),
    cooldown=st.sampled_from([0, 1, S, 30 * S, 5 * MIN, H]),
    coverage=st.sampled_from([0, S, 5 * MIN, 24 * H]),
    off_average=st.sampled_from([True, True, False]),
    day_range=st.sampled_from([True, True, False]),
    digest_minutes=st.sampled_from([0, 1, 2, 7, 1_440]),
    settings_offset=st.sampled_from([-1, 12]),
    pair=st.sampled_from(["", "BTC/USD"]),
    apart=st.sampled_from([0, 1_000_000]),
)
