"""The records of the topics, field for field as in `schemas/avro`.

Prices, quantities and money are integers of 10^-8 (`schemas.units`), times are microseconds since the epoch, UTC.
"""

from enum import StrEnum

import msgspec

from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderStatus(StrEnum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class ExecutionType(StrEnum):
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class TradingStatus(StrEnum):
    ON = "on"
    OFF = "off"
    SHUTDOWN = "shutdown"


class Record(msgspec.Struct, kw_only=True, frozen=True):
    """One value of a topic."""

    def check(self) -> None:
        """Raise a `ValueError` that names the field and the value which no such record may have."""


class Keyed(Record, kw_only=True, frozen=True):
    """A record about one instrument."""

    exchange: str
    symbol: str

    @property
    def instrument(self) -> str:
        """The key of the record: `exchange:SYMBOL`."""
        return f"{self.exchange}:{self.symbol}"


class Trade(Keyed, kw_only=True, frozen=True):
    """One trade of a market."""

    price: int
    quantity: int
    trade_id: int
    trade_time: int
    event_time: int
    received_time: int
    buyer_is_maker: bool
    buyer_order_id: int | None = None
    seller_order_id: int | None = None

    def check(self) -> None:
        _in_range("price", self.price, 1, PRICE_MAX)
        _in_range("quantity", self.quantity, 1, AMOUNT_MAX)


class Order(Keyed, kw_only=True, frozen=True):
    """A full snapshot of one of our orders."""

    client_order_id: str
    version: int
    trader: int
    side: Side
    time_in_force: str
    status: OrderStatus
    price: int
    quantity: int
    executed_quantity: int
    cancel_requested: bool
    reason: str | None
    cause_topic: str
    input_partition: int
    trades_offset: int
    fills_offset: int
    settings_offset: int
    created_time: int
    updated_time: int

    def check(self) -> None:
        # A price or quantity of 0 is what a filter refused.
        _in_range("price", self.price, 0, PRICE_MAX)
        _in_range("quantity", self.quantity, 0, AMOUNT_MAX)
        _in_range("executed_quantity", self.executed_quantity, 0, self.quantity)


class Fill(Keyed, kw_only=True, frozen=True):
    """One execution report of the exchange for one of our orders."""

    fill_id: str
    client_order_id: str
    side: Side
    execution_type: ExecutionType
    price: int
    quantity: int
    cumulative_quantity: int
    order_quantity: int
    commission: int
    trade_id: int | None
    reason: str | None
    transaction_time: int

    def check(self) -> None:
        _in_range("price", self.price, 1, PRICE_MAX)
        _in_range("order_quantity", self.order_quantity, 1, AMOUNT_MAX)
        _in_range("quantity", self.quantity, 0, self.order_quantity)
        _in_range("cumulative_quantity", self.cumulative_quantity, self.quantity, self.order_quantity)


class Settings(Keyed, kw_only=True, frozen=True):
    """Everything one instrument runs by."""

    base_asset: str
    quote_asset: str
    exchange_status: str = "TRADING"
    tick_size: int
    min_price: int = 0
    max_price: int = 0
    step_size: int
    min_quantity: int = 0
    max_quantity: int = AMOUNT_MAX
    min_notional: int = 0
    streaming: bool = False
    status: TradingStatus = TradingStatus.OFF
    chunks: int = 5
    budget: int = 100 * ONE
    buy_down_interval: int = 250_000
    profit_interval: int = 100_000
    rebuy_interval: int = 500_000
    fee: int = 100_000
    updated_time: int = 0

    def check(self) -> None:
        _in_range("tick_size", self.tick_size, 1, PRICE_MAX)
        _in_range("step_size", self.step_size, 1, AMOUNT_MAX)
        _in_range("chunks", self.chunks, 1, 1_000, scale=1)
        _in_range("budget", self.budget, 1, AMOUNT_MAX)
        for field in ("buy_down_interval", "rebuy_interval", "profit_interval"):
            _in_range(field, getattr(self, field), 1 - ONE, ONE - 1)
        _in_range("fee", self.fee, 0, ONE - 1)


class Applied(Keyed, kw_only=True, frozen=True):
    """The journal of a leader: one settings change or fill it took, and after which trade."""

    version: int
    input_topic: str
    input_partition: int
    input_offset: int
    trades_offset: int
    settings: str | None = None


class DeadLetter(Record, kw_only=True, frozen=True):
    """A record that could not be handled."""

    source: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    error: str
    time: int


def _in_range(field: str, value: int, low: int, high: int, scale: int = ONE) -> None:
    if not low <= value <= high:
        raise ValueError(f"{field}: {value / scale:.8g} is not between {low / scale:.8g} and {high / scale:.8g}")
