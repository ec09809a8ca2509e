"""The mock exchange's book of one instrument: our orders in, market trades in, execution reports out.

A market price fills every resting order on its better side at the order's own price, as if our orders were too
small for the market to notice. With partial fills on, no more than the traded quantity.
"""

from typing import NamedTuple

import msgspec

from schemas.records import ExecutionType, Fill, Order, OrderStatus, Record, Side
from schemas.units import ONE
from streams.trading.crossing import Int64s, first_crossing
from streams.trading.matching import BUYING, SELLING, Column, best_match, unfilling_range


class Resting(msgspec.Struct, kw_only=True):
    """An order in the book; price and quantities in units of 1e-8."""

    client_order_id: str
    side: Side
    price: int
    quantity: int
    executed_quantity: int = 0
    reports: int = 0


class BookState(msgspec.Struct, kw_only=True):
    """Everything the exchange knows of one instrument. Stored whole, before anything in `outbox` is sent."""

    exchange: str
    symbol: str
    orders: list[Resting] = []
    """In the order in which they came."""
    version: int = 0
    """The highest version of an order snapshot taken: what is not above it has been seen before."""
    changed: bool = False
    """Whether more than an offset has changed since the last store."""
    outbox: list[Record] = []
    """What the inputs since the last store made; the shell takes it, stores it encoded, and sends it."""


class Terms(msgspec.Struct, frozen=True):
    """How the mock exchange fills: commission as a fraction in units of 1e-8, and whether partially."""

    fee: int
    partial_fills: bool


def new_book(instrument: str) -> BookState:
    """Return an empty book; `instrument` is `exchange:SYMBOL`."""
    exchange, symbol = instrument.split(":", 1)
    return BookState(exchange=exchange, symbol=symbol)


def apply_order(book: BookState, order: Order) -> None:
    """Take a snapshot of an order: a new one rests in the book, one to be cancelled leaves it."""
    if order.version <= book.version:
        return
    book.version = order.version
    book.changed = True
    if order.cancel_requested:
        _cancel(book, order)
    elif order.status is OrderStatus.NEW:
        book.orders.append(
            Resting(
                client_order_id=order.client_order_id,
                side=order.side,
                price=order.price,
                quantity=order.quantity,
            )
        )


class Tape(NamedTuple):
    """Market trades of one instrument in columns of equal length: numbers in 1e-8, times in microseconds, UTC."""

    prices: Int64s
    quantities: Int64s
    ids: Int64s
    times: Int64s


def apply_trades(book: BookState, terms: Terms, tape: Tape) -> None:
    """Let market trades fill the book, in their order."""
    at = 0
    while (at := first_crossing(tape.prices, at, *quiet(book))) < len(tape.prices):
        trade = MarketTrade(int(tape.ids[at]), int(tape.times[at]), int(tape.prices[at]), int(tape.quantities[at]))
        _fill(book, terms, trade)
        at += 1


def quiet(book: BookState) -> tuple[int, int]:
    """Return the market prices, from the first to the second in 1e-8, that fill nothing."""
    return unfilling_range(*_columns(book), len(book.orders))


class MarketTrade(NamedTuple):
    """The market trade that fills are due to; price and quantity in units of 1e-8, time in µs since the epoch."""

    trade_id: int
    time: int
    price: int
    quantity: int


def _fill(book: BookState, terms: Terms, trade: MarketTrade) -> None:
    """Fill what a market trade reaches; every fill is itself a price that the book sees."""
    prices = [(trade.price, trade.quantity)]
    for seen, traded in prices:
        available = traded
        while available > 0:
            side, limit = _columns(book)
            i = best_match(side, limit, len(limit), seen)
            if i < 0:
                break
            order = book.orders[i]
            wanted = order.quantity - order.executed_quantity
            executed = min(wanted, available) if terms.partial_fills else wanted
            available -= executed if terms.partial_fills else 0
            _report_trade(book, terms, trade, order, executed)
            prices.append((order.price, executed))
            if order.executed_quantity == order.quantity:
                del book.orders[i]


def _report_trade(book: BookState, terms: Terms, trade: MarketTrade, order: Resting, executed: int) -> None:
    order.executed_quantity += executed
    # Commission is charged in the quote asset and cut to its eight decimals.
    commission = order.price * executed * terms.fee // (ONE * ONE)
    _report(book, order, ExecutionType.TRADE, executed, commission, trade.trade_id, trade.time)


def _cancel(book: BookState, request: Order) -> None:
    for i, order in enumerate(book.orders):
        if order.client_order_id == request.client_order_id:
            del book.orders[i]
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
) -> None:
    order.reports += 1
    book.changed = True
    book.outbox.append(
        Fill(
            exchange=book.exchange,
            symbol=book.symbol,
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
            reason=None,
            transaction_time=time,
        )
    )


def _columns(book: BookState) -> tuple[Column, Column]:
    sides = [BUYING if order.side is Side.BUY else SELLING for order in book.orders]
    return sides, [order.price for order in book.orders]
