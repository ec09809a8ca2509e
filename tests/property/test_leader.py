"""A live leader and the mock exchange's book, with their topics between them, in every interleaving.

Both read their inputs when they like, reports come twice and out of order, orders are sent again, the leader is
stored and loaded again, settings change in the middle of everything. What must hold, holds all the same.
"""

from collections.abc import Iterable
from random import Random

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.journal_records import Applied
from schemas.records import ExecutionType, Fill, Instrument, Order, OrderStatus, Settings, Side, TradingStatus
from schemas.units import ONE
from streams.audit.books import RecordedBook
from streams.audit.journal import NO_TRADES, Recorded, Trades, compare
from streams.audit.stretches import prove_whole
from streams.trading import book, leader
from streams.trading.account import held
from streams.trading.book import Tape, Terms
from streams.trading.leader import LeaderState
from streams.trading.life_cycle import NEXT_STATUS
from streams.trading.ruleset import OLDEST, TODAY
from streams.trading.strategy import BUY_REFUSED, COUNT
from tests import samples

TICK = samples.units("0.01")
LOT = samples.units("0.1")
START = 100 * ONE
BUDGET = 300 * ONE
LOW, HIGH = TICK, 10**6 * ONE
"""Prices that fill every order."""

OPEN = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


class World:
    """Topics as lists, a record's offset being its place; a leader and a book that read and write them."""

    def __init__(self, chunks: int, partial_fills: bool, seeded: bool = True, rules: int = TODAY) -> None:
        self.prices: list[int] = []
        self.quantities: list[int] = []
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.reports: list[Fill] = []
        """What the book made, in the order in which it did; not all of it need come in that order, or once."""
        self.book_journal: list[Applied] = []
        self.journal: list[Applied] = []
        self.settings: list[Settings] = []
        self.instruments: list[Instrument] = []
        self.terms = Terms(fee=100_000, partial_fills=partial_fills)
        self.leader = leader.new_state(samples.INSTRUMENT, 0, rules)
        self.book = book.new_book(samples.INSTRUMENT)
        self.fills_read = self.orders_read = self.trades_read = self.settings_read = 0
        self.made: list[Order | Applied] = []
        self.most_chunks = chunks
        self.open: set[str] = set()
        intervals = {"buy_down_interval": "0.002", "profit_interval": "0.001", "rebuy_interval": "0.005"}
        if seeded:
            self.seed(samples.instrument())
        self.set(samples.settings(chunks=chunks, budget=BUDGET, **intervals))

    def seed(self, instrument: Instrument) -> None:
        self.instruments.append(instrument)
        leader.apply_instrument(self.leader, len(self.instruments) - 1, instrument)
        self._send()
        self.book.trades_offset = self.trades_read - 1
        book.apply_instrument(self.book, len(self.instruments) - 1, instrument)
        self._report()

    def set(self, changed: Settings) -> None:
        self.settings.append(changed)
        self.most_chunks = max(self.most_chunks, changed.chunks)
        leader.apply_settings(self.leader, len(self.settings) - 1, changed)
        self._send()

    def name_orders(self) -> None:
        """Whoever upgrades has open orders of before there were incarnations."""
        if not self.leader.incarnation:
            leader.take_incarnation(self.leader, "k3f7qa")
            self._send()

    def upgrade(self) -> None:
        """A worker of today loads the leader, whose state says nothing that a program of before did not know."""
        if self.leader.ruleset != TODAY:
            columns = self.leader.leader
            columns.bought[:] = [0] * len(columns.bought)
            leader.take_rules(self.leader)
            self._send()

    def trade(self, price: int, quantity: int) -> None:
        self.prices.append(price)
        self.quantities.append(quantity)

    def leader_reads_trades(self, count: int) -> None:
        part = slice(self.leader.trades_offset + 1, self.leader.trades_offset + 1 + count)
        offsets = np.arange(len(self.prices))[part]
        leader.apply_trades(self.leader, offsets, np.array(self.prices[part], np.int64), offsets, offsets)
        self._send()

    def leader_reads_fills(self, count: int) -> None:
        for fill in self.fills[self.fills_read : self.fills_read + count]:
            leader.apply_fill(self.leader, self.fills_read, fill)
            self.fills_read += 1
            self._send()

    def book_reads_trades(self, count: int) -> None:
        part = slice(self.trades_read, self.trades_read + count)
        ids = np.arange(len(self.prices))[part]
        self.trades_read += len(ids)
        numbers = (self.prices, self.quantities)
        prices, quantities = (np.array(column[part], np.int64) for column in numbers)
        book.apply_trades(self.book, self.terms, Tape(ids, prices, quantities, ids, ids))
        self._report()

    def book_reads_orders(self, count: int) -> None:
        for order in self.orders[self.orders_read : self.orders_read + count]:
            self.book.trades_offset = self.trades_read - 1
            book.apply_order(self.book, self.orders_read, order)
            self.orders_read += 1
            self._report()

    def book_reads_settings(self, count: int) -> None:
        for changed in self.settings[self.settings_read : self.settings_read + count]:
            self.book.trades_offset = self.trades_read - 1
            book.apply_settings(self.book, self.settings_read, changed)
            self.settings_read += 1
            self._report()

    def orders_come_again(self, count: int) -> None:
        self.orders += self.orders[-count:]

    def fills_come_again(self, count: int) -> None:
        self.fills += self.fills[-count:]

    def fills_change_places(self, count: int) -> None:
        """The reports not read yet come in another order: the last ones first."""
        at = max(self.fills_read, len(self.fills) - count - 1)
        self.fills[at:] = reversed(self.fills[at:])

    def an_order_expires(self, place: int) -> None:
        """The exchange ends an order by itself."""
        if place <= len(self.book.orders):
            ended = self.book.orders.pop(place - 1)
            report = samples.fill(
                ended.client_order_id,
                fill_id=f"{ended.client_order_id}:expired",
                execution_type=ExecutionType.EXPIRED,
                price=ended.price,
                quantity=0,
                cumulative_quantity=ended.executed_quantity,
                order_quantity=ended.quantity,
            )
            self.fills.append(report)

    def leader_is_stored(self, _: int) -> None:
        self.leader = msgspec.json.decode(msgspec.json.encode(self.leader), type=LeaderState)

    def all_is_read(self) -> None:
        for _ in range(100):
            before = len(self.orders), len(self.fills)
            self.book_reads_orders(10_000)
            self.book_reads_settings(10_000)
            self.book_reads_trades(10_000)
            self.leader_reads_trades(10_000)
            self.leader_reads_fills(10_000)
            if before == (len(self.orders), len(self.fills)):
                return
        raise AssertionError("the leader and the book make each other go on forever")

    def _report(self) -> None:
        sent, self.book.outbox = self.book.outbox, []
        reports = [record for record in sent if isinstance(record, Fill)]
        self.fills += reports
        self.reports += reports
        self.book_journal += [record for record in sent if isinstance(record, Applied)]

    def _send(self) -> None:
        sent, self.leader.outbox = self.leader.outbox, []
        for record in sent:
            assert isinstance(record, Order | Applied)
            assert record.version == len(self.made) + 1
            self.made.append(record)
            if isinstance(record, Order):
                record.check()
                self.orders.append(record)
                self._note_open(record)
                if record.side is Side.BUY and record.status is OrderStatus.NEW and not record.cancel_requested:
                    self._check_budget()
            else:
                self.journal.append(record)
        self._check_traders()

    def _check_budget(self) -> None:
        """Whoever buys has its part of the budget, whatever the others took by older settings."""
        columns = self.leader.leader
        running = range(columns.head[COUNT])
        taken = sum(columns.bought[i] * columns.quantity[i] for i in running if columns.stage[i] != BUY_REFUSED)
        now = self.settings[-1]
        assert self.leader.ruleset != TODAY or taken <= now.budget * ONE
        assert taken <= (now.notional_limit or now.budget + BUDGET * 5) * ONE
        assert len(self.open) <= (now.orders_limit or self.most_chunks)

    def _note_open(self, order: Order) -> None:
        """Note whether an order is open, as it was when the leader made this of it: a SELL may have followed since."""
        is_open = order.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED) and not order.cancel_requested
        self.open = self.open | {order.client_order_id} if is_open else self.open - {order.client_order_id}

    def _check_traders(self) -> None:
        """Never more than `chunks` traders, and never more money than the budget in what they bought or buy."""
        head = self.leader.leader.head
        if not self.settings:
            assert head[COUNT] == 0
            return
        current = self.settings[-1]
        assert head[COUNT] <= self.most_chunks
        columns = self.leader.leader
        spent = sum(columns.price[i] * columns.quantity[i] for i in range(head[COUNT]) if columns.stage[i] == 1)
        if len({(each.chunks, each.budget) for each in self.settings}) == 1:
            assert spent <= current.budget * ONE
            assert head[COUNT] <= current.chunks


READS = (
    *("leader_reads_trades", "leader_reads_fills"),
    *("book_reads_trades", "book_reads_orders", "book_reads_settings"),
)
DISTURBANCES = ("orders_come_again", "fills_come_again", "fills_change_places", "leader_is_stored")
# A life is drawn as a seed and a length and not as a list, of which Hypothesis makes few that are long enough
# for anything to be filled. The length shrinks.
LIVES = st.tuples(st.integers(0, 2**32), st.integers(50, 400))


def lived(life: tuple[int, int], world: World, changing: bool = False) -> World:
    """The world after so many random steps; with `changing` also settings and instrument change now and then."""
    seed, length = life
    chance = Random(seed)
    price = START
    for _ in range(length):
        kind = chance.random()
        if kind < 0.4:
            price = max(50 * TICK, price + chance.randint(-150, 150) * TICK)
            world.trade(price, chance.randint(1, 30) * LOT)
        elif kind < 0.9:
            getattr(world, chance.choice(READS))(chance.randint(1, 10))
        elif kind < 0.902:
            world.an_order_expires(chance.randint(1, 4))  # seldom, for it halts a trader for good
        elif kind < 0.98 or not changing:
            getattr(world, chance.choice(DISTURBANCES))(chance.randint(1, 4))
        elif kind < 0.985:
            filters = {"min_notional": chance.randint(0, 150) * ONE, "max_position": chance.choice([0, 0, 3, 9]) * ONE}
            world.seed(msgspec.structs.replace(world.instruments[-1], **filters))
        elif kind < 0.988:
            world.name_orders()
        elif kind < 0.99:
            world.upgrade()
        else:
            changes = {"status": chance.choice(list(TradingStatus)), "chunks": chance.randint(1, 5)}
            changes["budget"] = chance.choice((100, 300, 500)) * ONE
            changes["notional_limit"] = chance.choice((0, 0, 150, 250)) * ONE
            changes |= {"orders_limit": chance.choice((0, 0, 1, 2)), "minute_limit": chance.choice((0, 0, 9))}
            changes["loss_limit"] = chance.choice((0, 0, 1)) * ONE
            world.set(msgspec.structs.replace(world.settings[-1], **changes))
    return world


@given(life=LIVES, chunks=st.integers(1, 5), partial_fills=st.booleans(), rules=st.sampled_from((OLDEST, TODAY)))
@settings(max_examples=400)
def test_whatever_the_interleaving(
    life: tuple[int, int],
    chunks: int,
    partial_fills: bool,
    rules: int,
) -> None:
    world = lived(life, World(chunks, partial_fills, rules=rules), changing=True)
    world.all_is_read()
    assert_every_order_lives_once(world)
    assert_replays(world)


@given(life=LIVES, chunks=st.integers(1, 5), partial_fills=st.booleans())
@settings(max_examples=400)
def test_the_budget_is_never_exceeded_and_shutdown_ends(
    life: tuple[int, int],
    chunks: int,
    partial_fills: bool,
) -> None:
    world = lived(life, World(chunks, partial_fills))
    world.set(msgspec.structs.replace(world.settings[-1], status=TradingStatus.SHUTDOWN))
    traders = world.leader.leader.head[COUNT]
    for price in (LOW, HIGH):
        world.all_is_read()
        world.trade(price, 10**9 * ONE)
        assert world.leader.leader.head[COUNT] <= traders
    world.all_is_read()
    assert world.leader.status is TradingStatus.OFF
    assert not world.leader.orders
    assert not world.book.orders
    assert_every_order_lives_once(world)
    assert_replays(world)


@given(life=LIVES, chunks=st.integers(1, 5), partial_fills=st.booleans())
def test_off_leaves_nothing_open(life: tuple[int, int], chunks: int, partial_fills: bool) -> None:
    world = lived(life, World(chunks, partial_fills))
    world.set(msgspec.structs.replace(world.settings[-1], status=TradingStatus.OFF))
    world.all_is_read()
    assert world.leader.status is TradingStatus.OFF
    assert not world.leader.orders
    assert not world.leader.closing
    assert not world.book.orders
    assert_replays(world)


def assert_every_order_lives_once(world: World) -> None:
    """Each id is one order, on tick and step, whose snapshots go along the life cycle and end once."""
    last: dict[str, Order] = {}
    for order in (record for record in world.made if isinstance(record, Order)):
        assert order.price % TICK == 0
        assert order.quantity % LOT == 0
        before = last.get(order.client_order_id)
        last[order.client_order_id] = order
        if before is None:
            assert order.status in (OrderStatus.NEW, OrderStatus.REJECTED)
            continue
        assert (order.price, order.quantity, order.side) == (before.price, before.quantity, before.side)
        assert order.executed_quantity >= before.executed_quantity
        followers = {status for (origin, _), status in NEXT_STATUS.items() if origin is before.status}
        asked = order.cancel_requested and order.status is before.status
        assert asked or order.status in followers
        if order.status is OrderStatus.PARTIALLY_FILLED and not asked:
            assert order.executed_quantity > before.executed_quantity
    buys = {order.trader: order for order in last.values() if order.side is Side.BUY}
    for order in last.values():
        if order.side is Side.SELL:
            bought = buys[order.trader]
            assert bought.status is OrderStatus.FILLED
            sells = [each for each in last.values() if each.trader == order.trader and each.side is Side.SELL]
            assert sum(each.executed_quantity for each in sells) <= bought.quantity
            assert len(sells) > 1 or bought.quantity == order.quantity
    assert_account(world, last.values())


def assert_account(world: World, orders: Iterable[Order]) -> None:
    """What is held is what was bought and not sold, and somebody who runs sells what is not left behind."""
    if world.journal[0].ruleset != TODAY:
        return  # it began in the middle
    signs = {Side.BUY: 1, Side.SELL: -1}
    executed = sum(signs[order.side] * order.executed_quantity for order in orders)
    account, columns = world.leader.account, world.leader.leader
    assert held(account).quantity == executed
    running = {*columns.number[: columns.head[COUNT]], *(order.trader for order in world.leader.closing.values())}
    assert account.lots.keys() <= running


@given(life=LIVES, chunks=st.integers(1, 5), partial_fills=st.booleans())
@settings(max_examples=400)
def test_what_the_book_reports_is_replayed(life: tuple[int, int], chunks: int, partial_fills: bool) -> None:
    world = lived(life, Lasting(chunks, partial_fills), changing=True)
    world.all_is_read()
    assert prove_whole(recorded_book(world), tape_of(world)) == ([], [])


class Lasting(World):
    """A world in which no order ends by itself: nothing in any topic would say so before it had."""

    def an_order_expires(self, place: int) -> None:
        pass


def tape_of(world: World) -> Tape:
    """The recorded trades; offset, id and time are the same number."""
    offsets = np.arange(len(world.prices))
    prices, quantities = (np.array(column, np.int64) for column in (world.prices, world.quantities))
    return Tape(offsets, prices, quantities, offsets, offsets)


def recorded_book(world: World) -> Recorded:
    """What the topics hold of the book after all that happened."""
    orders = dict(enumerate(world.orders))
    found = RecordedBook(samples.INSTRUMENT, orders, world.book_journal, world.reports)
    return Recorded(samples.INSTRUMENT, 0, NO_TRADES, book=found)


def assert_replays(world: World) -> None:
    """The recorded inputs give the recorded outputs, repeats and all."""
    columns = np.array(world.prices, np.int64)
    offsets = np.arange(len(columns))
    recorded = Recorded(
        instrument=samples.INSTRUMENT,
        partition=0,
        trades=Trades(offsets, columns, offsets, offsets),
        orders=world.orders,
        journal=world.journal,
        fills=dict(enumerate(world.fills)),
    )
    assert compare(recorded) == []
