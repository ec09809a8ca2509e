"""The user's own limits: which BUY they refuse, by name, and that every engine refuses the same ones."""

from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.errors import Refused
from schemas.records import Fill, Order, OrderStatus, Settings, Side
from schemas.units import ONE
from streams.agents.trading import _upgrade
from streams.backtest.engine.data import Flow, flow_of, prepare
from streams.backtest.engine.fast import run_fast
from streams.backtest.engine.reference import run_reference
from streams.backtest.engine.scale import TooLarge, scale
from streams.backtest.engine.sweep import sweep
from streams.trading import leader, ruleset, strategy
from streams.trading.leader import LeaderState
from streams.trading.rules import NO_LIMIT, is_timed, rules_of
from streams.trading.simulation import AT_ONCE, FILLED, Execution, new_simulation, on_market_trade
from tests.samples import INSTRUMENT, fill, instrument, settings, setup, units

MINUTE, DAY = 60_000_000, 86_400_000_000
NOON = 20_000 * DAY + DAY // 2


class Told:
    """A leader that is told of prices and fills at times in seconds after noon; each BUY is 1 below, of 100."""

    def __init__(self, **limits: Any) -> None:
        self.state = leader.new_state(INSTRUMENT, 0)
        self.offset = 0
        values = {"chunks": 3, "budget": "300", "buy_down_interval": "0.01", "rebuy_interval": "0.05", "fee": "0"}
        self.settings = settings(**{**values, **limits})
        leader.apply_instrument(self.state, 0, instrument(tick_size="0.01", step_size="0.00001"))
        leader.apply_settings(self.state, 0, self.settings)
        self.state.outbox = []

    def price(self, price: str, second: float = 0) -> list[str]:
        """Show a market trade; what is placed at it: side, number of the trader, and why it is refused if it is."""
        self.offset += 1
        columns = (self.offset, units(price), NOON + int(second * 1e6), self.offset)
        leader.apply_trades(self.state, *(np.array([value], np.int64) for value in columns))
        return self._placed()

    def filled(self, trader: int, second: float = 0) -> list[str]:
        """Fill the open order of a trader completely; what is placed then."""
        self.offset += 1
        leader.apply_fill(self.state, self.offset, filled_of(self.state.orders[trader], NOON + int(second * 1e6)))
        return self._placed()

    def set(self, **changes: Any) -> None:
        self.settings = msgspec.structs.replace(self.settings, **changes)
        self.offset += 1
        leader.apply_settings(self.state, self.offset, self.settings)
        self.state.outbox = []

    def _placed(self) -> list[str]:
        sent, self.state.outbox = self.state.outbox, []
        new = [each for each in sent if isinstance(each, Order) and each.executed_quantity == 0]
        return [
            f"{order.side} {order.trader}" + (f" {order.reason}" if order.reason else "")
            for order in new
            if order.status in (OrderStatus.NEW, OrderStatus.REJECTED)
        ]


def filled_of(order: Order, time: int) -> Fill:
    """The report that an order is executed as a whole."""
    return fill(
        order.client_order_id,
        side=order.side,
        price=order.price,
        **dict.fromkeys(("quantity", "cumulative_quantity", "order_quantity"), order.quantity),
        transaction_time=time,
        commission=0,
        trade_id=None,
    )


def test_no_buy_takes_more_than_the_limit_of_notional() -> None:
    told = Told(notional_limit="199.99")
    assert told.price("100") == ["BUY 1"]
    told.price("94.04")
    assert told.price("94.03") == ["BUY 2 NOTIONAL_LIMIT"]
    assert told.filled(1) == ["SELL 1"]  # what is held may be sold
    told.set(notional_limit=200 * ONE)  # whoever was refused has a successor
    assert told.price("94.03") == ["BUY 3"]


def test_no_buy_beside_too_many_open_orders() -> None:
    told = Told(orders_limit=1)
    assert told.price("100") == ["BUY 1"]
    told.price("94.04")
    assert told.price("94.03") == ["BUY 2 ORDERS_LIMIT"]
    assert told.filled(1) == ["SELL 1"]


def test_no_buy_after_too_many_orders_of_a_minute_and_a_sell_all_the_same() -> None:
    told = Told(minute_limit=2)
    assert told.price("100", 1) == ["BUY 1"]
    assert told.filled(1, 2) == ["SELL 1"]
    assert told.filled(1, 3) == []
    assert told.price("100", 4) == ["BUY 2 MINUTE_LIMIT"]
    told.set()
    assert told.price("100", 59.9) == ["BUY 3 MINUTE_LIMIT"]
    told.set()
    assert told.price("100", 60) == ["BUY 4"]
    assert told.filled(4, 61) == ["SELL 4"]
    assert told.filled(4, 10) == []
    assert told.price("100", 20) == ["BUY 5 MINUTE_LIMIT"]  # time steps back: it is the later minute still


def test_what_was_refused_is_no_order_of_the_minute() -> None:
    told = Told(minute_limit=1, notional_limit="1")
    assert told.price("100", 1) == ["BUY 1 NOTIONAL_LIMIT"]
    told.set(notional_limit=0)
    assert told.price("100", 2) == ["BUY 2"]


def test_no_buy_on_a_day_that_has_lost_too_much() -> None:
    # BUY at 99, SELL at 97.02: 2 % of 100 are lost each time
    told = Told(loss_limit="3", profit_interval="-0.02")
    assert told.price("100", 0) == ["BUY 1"]
    assert told.filled(1, 1) == ["SELL 1"]
    assert told.filled(1, 2) == []
    assert told.price("100", 3) == ["BUY 2"]
    assert told.filled(2, 4) == ["SELL 2"]
    assert told.filled(2, 5) == []
    assert told.price("100", 6) == ["BUY 3 LOSS_LIMIT"]
    told.set()
    assert told.price("100", 86_400 / 2 - 0.1) == ["BUY 4 LOSS_LIMIT"]
    told.set()
    assert told.price("100", 86_400 / 2) == ["BUY 5"]


@pytest.mark.parametrize(("fee", "limit", "refused"), [("0", "1.99", True), ("0", "2", False), ("0.001", "2", True)])
def test_what_is_held_counts_as_if_it_was_sold_at_the_price_after_fees(fee: str, limit: str, refused: bool) -> None:
    told = Told(loss_limit=limit, fee=fee, rebuy_interval="0.01")
    told.price("101.01")  # bought at 99.99
    assert told.filled(1) == ["SELL 1"]
    told.price("98")
    found = told.price("97.9902")  # 2 % below, of very nearly 100
    assert found == (["BUY 2 LOSS_LIMIT"] if refused else ["BUY 2"])


def test_a_profit_of_the_day_makes_up_for_a_loss_and_one_of_what_is_held_does_not() -> None:
    told = Told(loss_limit="1", profit_interval="0.02", rebuy_interval="0.001")
    told.price("100")
    told.filled(1)
    told.filled(1)  # 2 gained
    assert told.state.leader.head[strategy.LOST] < 0
    assert told.price("100") == ["BUY 2"]
    told.filled(2)
    told.price("98")
    assert told.price("96.5") == ["BUY 3"]  # 99 to 96.5: 2.5 lost, 2 gained
    told.filled(3)
    told.price("94.5")
    assert told.price("94") == ["BUY 4 LOSS_LIMIT"]  # 5 and 2.5 lost


def test_a_limit_that_is_not_set_counts_nothing() -> None:
    told = Told(notional_limit="1000", orders_limit=9)
    told.price("100")
    told.filled(1)
    told.filled(1)
    assert told.state.leader.head[strategy.MINUTE :] == [0, 0, 0, 0]
    assert not is_timed(rules_of(*setup()))
    assert is_timed(rules_of(*setup(minute_limit=1)))
    assert is_timed(rules_of(*setup(loss_limit="1")))


@pytest.mark.parametrize("field", ["notional_limit", "orders_limit", "minute_limit", "loss_limit"])
def test_a_limit_out_of_its_range_is_refused_by_name(field: str) -> None:
    with pytest.raises(Refused, match=f"^{field}: -"):
        settings(**{field: -1}).check()


def test_a_journal_says_nothing_of_limits_that_are_not_set() -> None:
    """So it is what a program of before has written of the same settings, and an audit of that finds no difference."""
    known = {name for name in Settings.__struct_fields__ if name not in ruleset.LATER}
    assert msgspec.json.decode(ruleset.settings_text(settings())).keys() == known
    limited = settings(orders_limit=3)
    assert msgspec.json.decode(ruleset.settings_text(limited)).keys() == known | {"orders_limit"}
    assert msgspec.json.decode(ruleset.settings_text(limited), type=Settings) == limited


def test_a_leader_stored_before_there_were_limits_goes_on() -> None:
    told = Told()
    told.price("100")
    value: dict[str, Any] = {"state": msgspec.json.decode(msgspec.json.encode(told.state))}
    columns = value["state"]["leader"]
    columns[0] = columns[0][:3]
    columns.pop()
    again = msgspec.json.decode(msgspec.json.encode(_upgrade(5, value)["state"]), type=LeaderState)
    assert again == told.state


# The same in every engine.


class Market:
    """A random market that falls and rises over days, with quantities; as the engines take it."""

    def __init__(self, seed: int, trades: int = 3_000) -> None:
        chance = Random(seed)
        price, time, rows = 10_000, NOON, []
        for _ in range(trades):
            price = max(100, price + chance.randint(-60, 60))
            time += chance.randint(0, 60_000_000)
            rows.append((price * 1_000_000, chance.randint(1, 300) * units("0.01"), time))
        self.prices, self.quantities, self.times = np.array(rows, np.int64).T.copy()


LIMITED = {"notional_limit": "220", "orders_limit": 3, "minute_limit": 2, "loss_limit": "1.5"}
BUSY = {"buy_down_interval": "0.001", "rebuy_interval": "0.004", "chunks": 4, "budget": "400", "fee": "0.001"}
BUSY |= {"profit_interval": "-0.004"}
HOLDS = {"notional_limit", "orders_limit"}
"""These are reached by who waits for a profit."""


@pytest.mark.parametrize("limit", [*LIMITED, None])
@pytest.mark.parametrize("execution", [AT_ONCE, Execution(latency_us=500, limited=True)], ids=["at once", "honest"])
def test_every_engine_refuses_the_same(limit: str | None, execution: Execution) -> None:
    limits = LIMITED if limit is None else {limit: LIMITED[limit]}
    profit = {"profit_interval": "0.02"} if limit in HOLDS else {}
    of, market = setup(step_size="0.00001", **{**BUSY, **profit, **limits}), Market(seed=4)
    rules = rules_of(*of)
    flow = flow_of(market, execution, is_timed(rules))
    orders = run_reference(market.prices.tolist(), rules, flow)
    refused = [order for order in orders if order.status == "REJECTED"]
    assert refused
    assert {order.side for order in refused} == {"BUY"}
    assert run_fast(market.prices, rules, flow).to_list() == orders
    summary = sweep(prepare(market.prices, of.instrument.tick_size), [of], workers=1, flow=flow)
    assert (summary.orders[0], summary.rejected[0]) == (len(orders), len(refused))


def test_the_live_leader_decides_as_a_backtest_does() -> None:
    """Told of the same trades and fills in the same order, whatever comes of them on the way."""
    of, market = setup(step_size="0.00001", **BUSY, **LIMITED), Market(seed=4)
    simulation, rules = new_simulation(4), rules_of(*of)
    state, fills = leader.new_state(INSTRUMENT, 0), 0
    leader.apply_instrument(state, 0, of.instrument)
    leader.apply_settings(state, 0, of.settings)
    state.outbox = []
    refused = 0
    for at, (price, time) in enumerate(zip(market.prices.tolist(), market.times.tolist(), strict=True)):
        count = on_market_trade(simulation, rules, AT_ONCE, time, price, 0)
        leader.apply_trades(state, *(np.array([value], np.int64) for value in (at, price, time, at)))
        for event in range(count):
            kind, trader, stage, limit, quantity = (column[event] for column in simulation.events)
            if kind == FILLED:
                report = filled_of(state.orders[trader], time)
                fills += 1
                leader.apply_fill(state, fills, report)
            else:
                placed = next(each for each in state.outbox if isinstance(each, Order) and not each.executed_quantity)
                state.outbox.remove(placed)
                assert (placed.trader, placed.price, placed.quantity) == (trader, limit, quantity)
                assert (placed.status is OrderStatus.REJECTED) == (stage > strategy.REFUSED)
                refused += placed.status is OrderStatus.REJECTED
        assert not any(isinstance(each, Order) and not each.executed_quantity for each in state.outbox)
        state.outbox = []
        if state.leader.head[strategy.COUNT] == 0:
            break
    assert refused


def test_timed_limits_want_times() -> None:
    of, market = setup(minute_limit=1), Market(seed=1, trades=5)
    for run in (
        lambda: run_fast(market.prices, rules_of(*of)),
        lambda: run_reference(market.prices.tolist(), rules_of(*of)),
        lambda: sweep(prepare(market.prices, of.instrument.tick_size), [of]),
    ):
        with pytest.raises(ValueError, match="minute_limit, loss_limit: these need the times of the trades"):
            run()


def test_without_latency_the_clock_is_that_of_the_trades_as_a_leader_sees_it() -> None:
    market = Market(seed=1, trades=3)
    market.times[2] = market.times[0] - MINUTE
    flow = flow_of(market, AT_ONCE, timed=True)
    assert isinstance(flow, Flow)
    assert flow.clock.tolist() == market.times.tolist()
    assert flow_of(market, AT_ONCE) is None


def test_a_limit_is_as_strict_in_the_units_of_the_compiled_engine() -> None:
    rules = rules_of(*setup(notional_limit="0.00000001", loss_limit="7", fee="0.001"))
    scaled, of = scale(rules, units("0.01"), 20_000)
    assert scaled.notional_limit == 0  # smaller than any order, and not none
    assert scaled.loss_limit == 7 * ONE * ONE * 1_000 // (of.price * of.quantity)
    assert rules_of(*setup()).notional_limit == scale(rules_of(*setup()), 1, 100)[0].notional_limit == NO_LIMIT
    with pytest.raises(TooLarge, match="fee"):
        scale(rules_of(*setup(loss_limit="7", fee="0.00000001", budget="100000000")), units("0.01"), 20_000)


def test_a_sell_is_never_refused_by_a_limit() -> None:
    told = Told(notional_limit="100", orders_limit=1, minute_limit=1, loss_limit="0.00000001", profit_interval="-0.02")
    assert told.price("100") == ["BUY 1"]
    assert told.filled(1) == ["SELL 1"]
    assert told.state.orders[1].side is Side.SELL
