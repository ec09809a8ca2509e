"""The mock exchange agent: orders and market trades in, execution reports out."""

from schemas.codec import Codec, CodecError
from schemas.records import Order, Trade
from streams.agents.grouping import by_instrument
from streams.delivery.batches import Batch
from streams.delivery.keeper import Work
from streams.trading import book
from streams.trading.book import BookState, Terms


class ExchangeSteps:
    """What the mock exchange does with a batch of each of its topics.

    Records that are no trade are left to the trading agent, which reads them too and buries them.
    """

    def __init__(self, trades: Codec[Trade], orders: Codec[Order], terms: Terms) -> None:
        self._trades = trades
        self._orders = orders
        self._terms = terms

    def on_trades(self, work: Work[BookState], batch: Batch) -> None:
        columns = batch.trades(self._trades)
        offsets = batch.offset_column
        for key, places in by_instrument(batch, columns):
            state = work.find(key)
            if state is not None:
                tape = book.Tape(
                    offsets[places],
                    columns.price[places],
                    columns.quantity[places],
                    columns.trade_id[places],
                    columns.trade_time[places],
                )
                book.apply_trades(state, self._terms, tape)

    def on_orders(self, work: Work[BookState], batch: Batch) -> None:
        for place, record in enumerate(batch.records):
            try:
                order = self._orders.decode(record.value)
                if record.key != order.instrument.encode():
                    raise ValueError(f"key: {record.key!r} is not {order.instrument}")
                state = work.find(record.key) or work.add(record.key, book.new_book(order.instrument))
                book.apply_order(state, record.offset, order)
            except (CodecError, ValueError) as error:
                work.bury(place, error)
