"""The market's step against the definitions, on random trades in random batches, orders and with crashes."""

import random
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.units import PRICE_MAX
from streams.market import step
from streams.market.averages import trades_per_second
from streams.market.buckets import MarketTrade
from streams.market.checkpoint import Head, Part, part_name, rebuild, take_checkpoint
from streams.market.day_range import day_range
from streams.market.rules import WatchRules
from streams.market.state import Made, MarketState, new_state, nothing
from streams.market.step import apply_trades
from tests.property.market_oracle import INSTRUMENT, Oracle, final
from tests.property.market_trades import MIN, RULES, START_TIME, H, S, market_trades
from tests.unit.streams.market.tape import columns

ONE_MILLION = 10**6
PLACES = st.one_of(st.just(set()), st.just(set(range(40))), st.sets(st.integers(1, 40)))
"""Where trades are cut into batches."""


def batches(trades: list[MarketTrade], places: set[int]) -> list[list[MarketTrade]]:
    ends = [0, *sorted(place for place in places if 0 < place < len(trades)), len(trades)]
    return [trades[start:end] for start, end in pairwise(ends)]


def collect(made: Made, more: Made) -> None:
    for column, values in zip(made, more, strict=True):
        column.extend(values)


@given(market_trades(), RULES, PLACES)
def test_step_makes_what_the_definitions_say(trades: list[MarketTrade], rules: WatchRules, places: set[int]) -> None:
    state, oracle = new_state(INSTRUMENT), Oracle(rules)
    made = nothing()
    for batch in batches(trades, places):
        collect(made, apply_trades(state, columns(batch), rules))
        for trade in batch:
            oracle.apply(trade)
        assert Fraction(state.average.total, state.average.known) == oracle.average(oracle.now)
        assert day_range(state.history) == oracle.day_range(oracle.now)
        assert trades_per_second(state.average) == oracle.trades_per_second(oracle.now)
    assert made.alerts == oracle.alerts
    assert made.digests == oracle.digests
    assert made.quotes == oracle.quotes
    assert made.too_late == oracle.too_late
    assert (state.too_late, state.repeats) == (len(oracle.too_late), oracle.repeats)
    assert final(made.candles) == oracle.candles()


@given(market_trades(), RULES, st.integers(0, 99))
def test_any_order_within_the_window_gives_the_same_candles(
    trades: list[MarketTrade], rules: WatchRules, seed: int
) -> None:
    newest = max(trade.time for trade in trades)
    unique = {trade.trade_id: trade for trade in reversed(trades)}
    within = [trade for trade in unique.values() if trade.time // MIN >= newest // MIN - 1_440]
    last = trades[-1]._replace(offset=10**6, trade_id=10**6, time=newest + 49 * H)
    shuffled = list(within)
    random.Random(seed).shuffle(shuffled)
    candles = []
    for order in (within, shuffled):
        arrived = [trade._replace(offset=i) for i, trade in enumerate(order)]
        candles.append(final(apply_trades(new_state(INSTRUMENT), columns([*arrived, last]), rules).candles))
    assert candles[0] == candles[1]


class Changelog:
    """What has been written, in this order, and what is found after a crash."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes]] = []
        self.acknowledged = 0

    def write(self, head: Head) -> None:
        self.acknowledged = len(self.records)
        self.records.append((INSTRUMENT, msgspec.json.encode(head)))
        self.records += [(part_name(part), msgspec.json.encode(part)) for part in head.parts]

    def recover(self, lost: int) -> MarketState:
        """The state from the newest record of each key, without so many of those that nobody has acknowledged."""
        del self.records[max(self.acknowledged, len(self.records) - lost) :]
        values = dict(self.records)
        head = values.pop(INSTRUMENT, None)
        if head is None:
            return new_state(INSTRUMENT)
        parts = [msgspec.json.decode(value, type=Part) for value in values.values()]
        random.Random(lost).shuffle(parts)
        return rebuild(msgspec.json.decode(head, type=Head), parts)


def parts_of(state: MarketState) -> dict[str, Any]:
    """Everything that the next trades go by."""
    ring = state.history.ring
    kept = ring.start != 2**63 - 1
    return {
        "ring": [column[kept].tolist() for column in ring],
        "history": {
            name: getattr(state.history, name)
            for name in state.history.__struct_fields__
            if name not in ("ring", "departed", "due", "changed", "departed_changed", "ahead")
        },
        "average": [state.average.second, state.average.total, state.average.known, state.average.seconds.tolist()],
        "seen": state.seen.tolist(),
        "gates": state.gates,
        "applied": (state.offset, state.too_late, state.repeats),
    }


@given(market_trades(), RULES, PLACES, st.data())
def test_a_market_rebuilt_from_its_parts_is_the_same(
    trades: list[MarketTrade], rules: WatchRules, places: set[int], data: st.DataObject
) -> None:
    whole = new_state(INSTRUMENT)
    expected = apply_trades(whole, columns(trades), rules)
    state, changelog, made = new_state(INSTRUMENT), Changelog(), nothing()
    for batch in batches(trades, places):
        collect(made, apply_trades(state, columns(batch), rules))
        event = data.draw(st.sampled_from(["", "store", "store", "crash"]))
        if event == "store":
            changelog.write(take_checkpoint(state))
        elif event == "crash":
            state = changelog.recover(data.draw(st.sampled_from([0, 1, 2, 1_000])))
            again = [trade for trade in trades if trade.offset <= batch[-1].offset]
            collect(made, apply_trades(state, columns(again), rules))
    assert parts_of(state) == parts_of(whole)
    assert {alert.alert_id: alert for alert in made.alerts} == {alert.alert_id: alert for alert in expected.alerts}
    assert {digest.time: digest for digest in made.digests} == {digest.time: digest for digest in expected.digests}
    assert set(made.too_late) == set(expected.too_late)
    assert final(made.candles) == final(expected.candles)


def busy_trades(seed: int, price: int, quantity: int) -> list[MarketTrade]:
    """Thousands of trades by the offset: fast and slow, some spikes, some late, some twice, some with odd ids."""
    chance = random.Random(seed)
    now, trade_id = START_TIME, 0
    placed: list[tuple[float, MarketTrade]] = []
    pace = chance.choice([300, 40_000, 700_000])
    for number in range(3_000):
        now += chance.randint(0, pace)
        trade_id += 1 if chance.random() < 0.995 else chance.randint(2, 5)
        price = max(1, price + chance.randint(-(price >> 12) - 1, (price >> 12) + 1))
        factor = chance.choice([-1, 1]) * price * chance.randint(19_000, 21_000) // ONE_MILLION
        factor *= not chance.randrange(60)
        amount = chance.randint(1, quantity)
        trade = MarketTrade(0, min(max(price + factor, 1), PRICE_MAX), amount, trade_id, now, chance.random() < 0.5)
        placed.append((number + (chance.randint(1, 300) if not chance.randrange(60) else 0), trade))
        if not chance.randrange(60):
            placed.append((number + chance.randint(1, 300), trade))
    placed.sort(key=lambda each: each[0])
    return [trade._replace(offset=offset) for offset, (_, trade) in enumerate(placed)]


@pytest.mark.parametrize("price", [1, 97, 123_456_789, 6_170_214_000_000, 10**17, 9 * 10**17])
@pytest.mark.parametrize("quantity", [1, 10**9, 10**15, 2**62, 10**28 - 1])
def test_trades_by_the_column_make_what_they_make_one_by_one(
    price: int, quantity: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trades, rules = (
        busy_trades(price + quantity, price, quantity),
        WatchRules(coverage=20 * S, cooldown=S, pair="BTC/USD"),
    )
    state, made = new_state(INSTRUMENT), nothing()
    chance, rest = random.Random(1), trades
    while rest:
        size = chance.choice([1, 16, 500])
        collect(made, apply_trades(state, columns(rest[:size]), rules))
        rest = rest[size:]
    monkeypatch.setattr(step, "_apply_run", lambda state, rules, trades, first: first)
    slow = new_state(INSTRUMENT)
    expected = apply_trades(slow, columns(trades), rules)
    assert state.repeats > 0
    assert parts_of(state) == parts_of(slow)
    assert (made.alerts, made.digests, made.quotes) == (expected.alerts, expected.digests, expected.quotes)
    assert final(made.candles) == final(expected.candles)
