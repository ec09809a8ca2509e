"""Exchanges apart against the definition, on random quotes in random orders, with crashes."""

import random
from collections import defaultdict
from fractions import Fraction
from itertools import combinations
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.units import ONE
from streams.market.alerts import Alert
from streams.market.apart import STALE_SECONDS, Pair, show_quote
from streams.market.apart_parts import PairHead, PointBlock, block_name, rebuild_pair, take_blocks, take_head
from streams.market.quotes import Quote
from tests.property.market_oracle import SECOND, NaiveGate

NAMES = ("a:BTC-USD", "b:BTCUSD", "c:XBTUSD")
STEPS = st.sampled_from([1, 1, 1, 2, 10, 59, 60, 61, 62, 500])
# One percent of 100 is one, and thresholds are near it: prices are exactly at them often.
PRICES = st.integers(97, 103)
APART = st.sampled_from([0, ONE // 100, ONE // 100, 2 * ONE // 100])


@st.composite
def quotes(draw: st.DrawFn, name: str) -> list[Quote]:
    """The quotes of one instrument by time. Its rules change now and then."""
    second, found = 1_000, []
    apart, cooldown = draw(APART), draw(st.sampled_from([0, 1, 30, 300]))
    for step, price, part, change in draw(
        st.lists(st.tuples(STEPS, PRICES, st.integers(0, SECOND - 1), st.integers(0, 9)), max_size=25)
    ):
        second += step
        if not change:
            apart = draw(APART)
        found.append(Quote(name, "BTC/USD", price, second * SECOND + part, apart, cooldown, 7))
    return found


ALL = st.tuples(*(quotes(name) for name in NAMES))


def expected(lines: tuple[list[Quote], ...]) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """By two instruments, what is told: who, which side, the second, both prices, and how many were held back."""
    found = {}
    for one, two in combinations(lines, 2):
        if one and two:
            found[one[0].instrument, two[0].instrument] = list(_compared(one, two))
    return {key: told for key, told in found.items() if told}


def _compared(one: list[Quote], two: list[Quote]) -> Any:
    gates: dict[tuple[str, int], NaiveGate] = {}
    end = min(line[-1].trade_time // SECOND for line in (one, two))
    for second in sorted({quote.trade_time // SECOND for quote in (*one, *two)}):
        held = [[quote for quote in line if quote.trade_time // SECOND <= second] for line in (one, two)]
        if second > end or not all(held):
            continue
        mine, theirs = (known[-1] for known in held)
        if any(second - quote.trade_time // SECOND > STALE_SECONDS for quote in (mine, theirs)):
            continue
        asking = [quote for quote in (mine, theirs) if quote.apart]
        if not asking:
            continue
        if min(asking, key=lambda quote: (quote.apart, quote.instrument)) is theirs:
            mine, theirs = theirs, mine
        off = Fraction(mine.price, theirs.price) - 1
        for sign in (1, -1):
            gate = gates.setdefault((mine.instrument, sign), NaiveGate(sign))
            held_back = gate.show(off, Fraction(mine.apart, ONE), mine.price, second, mine.cooldown)
            if held_back is not None:
                yield mine.instrument, sign, second, mine.price, theirs.price, held_back


def told(alerts: list[Alert]) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """The alerts as `expected` has them."""
    found = defaultdict(list)
    for alert in alerts:
        assert alert.other is not None
        sign, second = (1 if alert.direction == "up" else -1), int(alert.alert_id.rpartition(":")[2])
        key = min(alert.instrument, alert.other), max(alert.instrument, alert.other)
        found[key].append((alert.instrument, sign, second, alert.price, alert.reference, alert.held_back))
    return dict(found)


def shuffled(lines: tuple[list[Quote], ...], seed: int) -> list[Quote]:
    """The quotes of all instruments, each in its order, some of them twice."""
    chance, rest, found = random.Random(seed), [list(line) for line in lines], []
    while any(rest):
        line = chance.choice([line for line in rest if line])
        found.append(line.pop(0))
        if not chance.randrange(8):
            found.append(chance.choice(found))
    return found


@given(ALL, st.integers(0, 99))
def test_alerts_are_what_the_definition_says_whichever_quotes_come_first(
    lines: tuple[list[Quote], ...], seed: int
) -> None:
    state = Pair("BTC/USD")
    alerts = [alert for quote in shuffled(lines, seed) for alert in show_quote(state, quote)]
    assert told(alerts) == expected(lines)
    assert len({alert.alert_id for alert in alerts}) == len(alerts)


class Stored:
    """What a changelog holds of a pair, and when it was taken last."""

    def __init__(self) -> None:
        self.head: bytes | None = None
        self.blocks: dict[str, bytes] = {}
        self.since: dict[str, int] = {}

    def take(self, state: Pair, chance: random.Random) -> bool:
        """Store a pair, and sometimes end in between: then return false."""
        head = take_head(state)
        for block in take_blocks(state, self.since):
            self.blocks[block_name(block)] = msgspec.json.encode(block)
            if not chance.randrange(20):
                return False
        self.head = msgspec.json.encode(head)
        self.since = dict(head.newest)
        return True

    def rebuilt(self) -> Pair:
        blocks = [msgspec.json.decode(block, type=PointBlock) for block in self.blocks.values()]
        if self.head is None:
            self.since = {}
            return Pair("BTC/USD")
        head = msgspec.json.decode(self.head, type=PairHead)
        self.since = dict(head.newest)
        return rebuild_pair(head, blocks)


@given(ALL, st.integers(0, 999))
def test_a_pair_that_was_stored_in_parts_goes_on_after_any_crash(lines: tuple[list[Quote], ...], seed: int) -> None:
    chance, stored, arriving = random.Random(seed), Stored(), shuffled(lines, seed)
    state, place, kept = Pair("BTC/USD"), 0, 0
    alerts: dict[str, Alert] = {}
    while place < len(arriving):
        alerts |= {alert.alert_id: alert for alert in show_quote(state, arriving[place])}
        place += 1
        if not chance.randrange(3):
            whole = stored.take(state, chance)
            kept = place if whole else kept
            if not whole or not chance.randrange(4):  # what was not stored is read again
                state, place = stored.rebuilt(), kept
    assert told(list(alerts.values())) == expected(lines)
