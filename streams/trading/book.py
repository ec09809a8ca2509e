"""The mock exchange's book of one instrument: our orders in, market trades in, execution reports out.

A market price fills every resting order on its better side at the order's own price, as if our orders were too
small for the market to notice. With partial fills on, all fills that are due to one market trade together execute no
more than its quantity, as in `streams.trading.simulation`.

Each order, step, terms and settings that changed the book is in its journal, with the trade after which it was taken.
So orders and trades give the same reports again: `streams.audit.books` replays them.
"""

from typing import Any, NamedTuple

import msgspec

from schemas.journal_records import BOOK, Applied
from schemas.order_ids import read_id
from schemas.records import ExecutionType, Fill, Instrument, Order, OrderStatus, Record, Settings, Side, TradingStatus
from schemas.symbols import split_instrument
from schemas.units import AMOUNT_MAX, ONE
from streams.trading.crossing import Int64s, first_crossing, newest_crossing
from streams.trading.matching import BUYING, NO_ORDER, SELLING, UNBOUNDED, Column, best_match, tradable, unfilling_range
from streams.trading.repeats import NONE_YET, Stamp, is_repeat, newest_of
from streams.trading.ruleset import settings_text
from streams.trading.versions import rewind, take

SIDES = {Side.BUY: BUYING, Side.SELL: SELLING}


class Resting(msgspec.Struct, kw_only=True):
    """An order in the book; price and quantities in units of 1e-8."""

    client_order_id: str
    side: Side
    price: int
    quantity: int
    executed_quantity: int = 0
    reports: int = 0
    cause: int = -1
    """The offset of the trade up to which its leader had looked when it placed the order: none before fills it."""
    since: int = 0
    """The time of what caused it: no market trade from before fills it, whenever that comes."""
    settings_offset: int = UNBOUNDED
    """The last settings that its leader knew when it placed the order; not noted of an order from before this was."""


class Terms(msgspec.Struct, frozen=True):
    """How the mock exchange fills: commission as a fraction in units of 1e-8, and whether partially."""

    fee: int
    partial_fills: bool


NOT_JOURNALLED = -1
"""What a book has made, where it was stored before books had a journal."""
STOPPED = "trading was stopped"
"""The reason of a report that an order ended because the settings say so."""


class BookState(msgspec.Struct, kw_only=True):
    """Everything the exchange knows of one instrument. Stored whole, before anything in `outbox` is sent."""

    exchange: str
    symbol: str
    orders: list[Resting] = []
    """In the order in which they came."""
    step: int = 1
    """The instrument's step size in 1e-8; the smallest there is until the exchange has said it."""
    terms: Terms | None = None
    """Under which it fills, from the first market trade on that reaches an order."""
    partition: int = 0
    """The partition of its key: the same one in every topic."""
    trades_offset: int = -1
    """How far the trades have been looked through."""
    orders_offset: int = -1
    """The last snapshot of an order that was taken."""
    settings: Settings | None = None
    stopped: int = -1
    """The offset of the last settings by which nothing is traded: no order rests of a leader that had not taken them.
    """
    made: int = NOT_JOURNALLED
    """How many reports and journal entries it has made: the version of the last one."""
    epoch: int = 0
    version: int = 0
    """Epoch and highest version of the order snapshots taken."""
    before: int = 0
    """The highest epoch of those that were taken before the topic of orders was made anew."""
    incarnation: str = ""
    """That of the id of the last order taken."""
    counts_anew: bool = False
    """Whether the topic of orders was made anew: a leader of another incarnation may count from 1 again."""
    missing: bytes = b""
    """The versions below it that were not taken, and still may be: see `streams.trading.versions`."""
    newest: Stamp = NONE_YET
    """The newest market trade that was an event."""
    changed: bool = False
    """Whether more than an offset has changed since the last store."""
    outbox: list[Record] = []
    """What the inputs since the last store made; the shell takes it, stores it encoded, and sends it."""


def new_book(instrument: str) -> BookState:
    """Return an empty book of `exchange:SYMBOL`; raise `Refused` for anything else."""
    exchange, symbol = split_instrument(instrument)
    return BookState(exchange=exchange, symbol=symbol, made=0)


def apply_instrument(book: BookState, offset: int, instrument: Instrument) -> None:
    """Take in what the exchange says of the instrument."""
    if instrument.step_size != book.step:
        book.step = instrument.step_size
        _journal(book, "instruments", offset, instrument_taken=msgspec.json.encode(instrument).decode())


def apply_terms(book: BookState, terms: Terms) -> None:
    """Fill under these terms from here on."""
    if terms != book.terms:
        book.terms = terms
        _journal(book, "terms", -1, terms=msgspec.json.encode(terms).decode())


def apply_settings(book: BookState, offset: int, settings: Settings) -> None:
    """Take in what the user decides. Where that stops trading, every order is cancelled that was placed before.

    So a stop holds while the leader does not: orders that it sends before it has heard of it do not rest either. Raises
    `Refused`, the state untouched, for what makes no sense.
    """
    settings.check()
    book.settings = settings.upon(book.settings)
    _journal(book, "settings", offset, settings=settings_text(book.settings))
    if book.settings.status is not TradingStatus.OFF:
        return
    book.stopped = offset
    void = [order for order in book.orders if order.settings_offset < offset]
    book.orders = [order for order in book.orders if order.settings_offset >= offset]
    for order in void:
        _report(book, order, ExecutionType.CANCELED, 0, 0, None, book.settings.updated_time, STOPPED)


def begin_anew(book: BookState, topic: str, topic_id: str) -> None:
    """Forget what was noted of an input that is another topic now; orders that rest in the book stay there.

    That what was sent is gone with an output is but noted.
    """
    if topic == "trades":
        book.trades_offset = -1
        for order in book.orders:
            order.cause = -1
    elif topic == "orders":
        book.counts_anew = True
        book.orders_offset = -1
        # Its first records may have come before anybody knew: then they were taken for old ones, and are not.
        book.before, book.epoch = max(book.before, book.epoch), 0
    elif topic == "settings":
        book.stopped = -1
        for order in book.orders:
            order.settings_offset = -1
    book.changed = True
    if book.made != NOT_JOURNALLED:
        _journal(book, topic, -1, topic_id=topic_id)


def is_superseded(book: BookState, order: Order) -> bool:
    """Return whether the order is of an epoch that is over: whoever decided it had lost the instrument to another."""
    return order.epoch < book.epoch and not _is_anew(book, order)


def _is_anew(book: BookState, order: Order) -> bool:
    """Return whether the leader that decided this has begun from nothing since the topic of orders was made anew.

    One that goes on sends again what it may not have sent, and that is known by its versions.
    """
    return book.counts_anew and _incarnation(order) != book.incarnation


def _incarnation(order: Order) -> str:
    named = read_id(order.client_order_id)
    return named.incarnation if named else ""


def apply_order(book: BookState, offset: int, order: Order) -> None:
    """Take a snapshot of an order: a new one rests in the book, one to be cancelled leaves it."""
    if _is_anew(book, order):
        book.counts_anew, book.epoch, book.before, book.version, book.missing = False, 0, 0, 0, b""
    version, missing = book.version, book.missing
    if order.epoch > max(book.epoch, book.before):
        # what was sent by somebody who had lost the instrument meanwhile counts no more
        version, missing = rewind(version, missing, order.version)
    taken = take(version, missing, order.version)
    if taken is None:
        return
    book.epoch, (book.version, book.missing) = order.epoch, taken
    book.incarnation = _incarnation(order)
    book.orders_offset = offset
    book.changed = True
    if order.cancel_requested:
        _cancel(book, offset, order)
    elif order.status is OrderStatus.NEW:
        _journal(book, "orders", offset)
        placed = Resting(
            client_order_id=order.client_order_id,
            side=order.side,
            price=order.price,
            quantity=order.quantity,
            cause=order.trades_offset,
            since=order.created_time,
            settings_offset=order.settings_offset,
        )
        if order.settings_offset < book.stopped:
            _report(book, placed, ExecutionType.CANCELED, 0, 0, None, order.created_time, STOPPED)
        else:
            book.orders.append(placed)


class Tape(NamedTuple):
    """Market trades of one instrument in columns of equal length: numbers in 1e-8, times in microseconds, UTC."""

    offsets: Int64s
    prices: Int64s
    quantities: Int64s
    ids: Int64s
    times: Int64s


def apply_trades(book: BookState, terms: Terms, tape: Tape) -> None:
    """Let market trades fill the book, in their order; one that comes twice or late fills nothing."""
    at = 0
    while (at := first_crossing(tape.prices, at, *quiet(book))) < len(tape.prices):
        trade = MarketTrade(*(int(column[at]) for column in tape))
        stamp = Stamp(trade.trade_id, trade.time)
        if not is_repeat(book.newest, stamp):
            book.newest = newest_of(book.newest, stamp)
            book.changed = True
            book.trades_offset = trade.offset - 1
            apply_terms(book, terms)
            _fill(book, terms, trade)
        at = _pass_early(book, terms, tape, at + 1)
    if len(tape.offsets):
        book.trades_offset = int(tape.offsets[-1])


def _pass_early(book: BookState, terms: Terms, tape: Tape, at: int) -> int:
    """Pass the market trades from a place on that come before the cause of every order that they reach.

    They fill nothing, so each is but the newest for a while. There are thousands of them where the leader is ahead of
    the book by a batch. Returns the place of the first other one.
    """
    if at >= len(tape.offsets) or book.terms != terms:
        return at
    offset = int(tape.offsets[at])
    causes = [order.cause for order in book.orders if order.cause > offset]
    if not causes:
        return at
    stop = int(tape.offsets.searchsorted(min(causes)))
    active = unfilling_range(*_columns(book, offset, UNBOUNDED), len(book.orders))
    stop = first_crossing(tape.prices[:stop], at, *active)
    found = newest_crossing(tape.prices, tape.ids, tape.times, at, stop, *quiet(book), *book.newest)
    book.newest = Stamp(*found)
    return stop


def quiet(book: BookState) -> tuple[int, int]:
    """Return the market prices, from the first to the second in 1e-8, that fill nothing."""
    return unfilling_range(*_columns(book, UNBOUNDED, UNBOUNDED), len(book.orders))


class MarketTrade(NamedTuple):
    """The market trade that fills are due to; price and quantity in units of 1e-8, time in µs since the epoch."""

    offset: int
    price: int
    quantity: int
    trade_id: int
    time: int


def _fill(book: BookState, terms: Terms, trade: MarketTrade) -> None:
    """Fill what a market trade reaches; every fill is itself a price that the book sees, and brings no quantity."""
    left = tradable(trade.quantity, book.step) if terms.partial_fills else UNBOUNDED
    prices = [trade.price]
    for price in prices:
        while left > 0 and (i := best_match(*_columns(book, trade.offset, trade.time), len(book.orders), price)) >= 0:
            order = book.orders[i]
            wanted = order.quantity - order.executed_quantity
            executed = min(wanted, left) if terms.partial_fills else wanted
            left -= executed if terms.partial_fills else 0
            _report_trade(book, terms, trade, order, executed)
            prices.append(order.price)
            if order.executed_quantity == order.quantity:
                del book.orders[i]


def _report_trade(book: BookState, terms: Terms, trade: MarketTrade, order: Resting, executed: int) -> None:
    order.executed_quantity += executed
    # Commission is charged in the quote asset and cut to its eight decimals, and to what a report can say.
    commission = min(order.price * executed * terms.fee // (ONE * ONE), AMOUNT_MAX)
    _report(book, order, ExecutionType.TRADE, executed, commission, trade.trade_id, trade.time)


def _cancel(book: BookState, offset: int, request: Order) -> None:
    for i, order in enumerate(book.orders):
        if order.client_order_id == request.client_order_id:
            del book.orders[i]
            _journal(book, "orders", offset)
            _report(book, order, ExecutionType.CANCELED, 0, 0, None, request.updated_time)
            return


def _report(
    book: BookState,
    order: Resting,
    kind: ExecutionType,
    executed: int,
    commission: int,
    trade_id: int | None,
    time: int,
    reason: str | None = None,
) -> None:
    order.reports += 1
    book.made += 1
    book.outbox.append(
        Fill(
            exchange=book.exchange,
            symbol=book.symbol,
            version=book.made,
            fill_id=f"{order.client_order_id}:{order.reports}",
            client_order_id=order.client_order_id,
            side=order.side,
            execution_type=kind,
            price=order.price,
            quantity=executed,
            cumulative_quantity=order.executed_quantity,
            order_quantity=order.quantity,
            commission=commission,
            trade_id=trade_id,
            reason=reason,
            transaction_time=time,
        )
    )


def _journal(book: BookState, topic: str, offset: int, **taken: Any) -> None:
    """Note an input that changes the book; `taken` is its content as JSON where no topic keeps it."""
    book.made += 1
    book.changed = True
    book.outbox.append(
        Applied(
            exchange=book.exchange,
            symbol=book.symbol,
            agent=BOOK,
            version=book.made,
            input_topic=topic,
            input_partition=book.partition,
            input_offset=offset,
            trades_offset=book.trades_offset,
            **taken,
        )
    )


def _columns(book: BookState, offset: int, time: int) -> tuple[Column, Column]:
    """Return the sides and limits of the orders; none where a trade of this offset and time may not fill."""
    sides = [SIDES[order.side] if order.cause <= offset and order.since <= time else NO_ORDER for order in book.orders]
    return sides, [order.price for order in book.orders]
