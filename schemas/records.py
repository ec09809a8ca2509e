"""The records of the topics, field for field as in `schemas/avro`.

Prices, quantities and money are integers of 10^-8 (`schemas.units`), times are microseconds since the epoch, UTC.
"""

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

from schemas.checks import check_fields
from schemas.errors import Refused
from schemas.order_ids import side_of
from schemas.parameters import PARAMETERS
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX, in_range


class Side(StrEnum):
    """Whether an order buys or sells."""

    BUY = "BUY"
    SELL = "SELL"


class OrderStatus(StrEnum):
    """How far an order has come; the first two can still be filled."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class ExecutionType(StrEnum):
    """What an execution report is about."""

    TRADE = "TRADE"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class TradingStatus(StrEnum):
    """Whether an instrument is traded; in shutdown the running traders finish and none starts."""

    ON = "on"
    OFF = "off"
    SHUTDOWN = "shutdown"


class Record(msgspec.Struct, kw_only=True, frozen=True):
    """One value of a topic."""

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no such record may have.

        What passes can be written, read again and inserted into its table, and so can whatever is made of it.
        """
        check_fields(self)


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
    filled: bool = False
    """Whether it was missing from the stream and asked for later, see `producers.holes`."""

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no trade may have."""
        self.check_amounts()
        super().check()

    def check_amounts(self) -> None:
        """Raise `Refused` that names a price or a quantity out of its range: a recording may be of any time."""
        in_range("price", self.price, 1, PRICE_MAX)
        in_range("quantity", self.quantity, 1, AMOUNT_MAX)


class Decided(Keyed, kw_only=True, frozen=True):
    """A record that an agent decided: of those about one instrument a lower epoch than the highest seen is void.

    The epoch is that of the state which decided it, see `streams.delivery.states`; 0 is from before there were any.
    """

    epoch: int = 0


class Order(Decided, kw_only=True, frozen=True):
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
    instruments_offset: int = -1
    created_time: int
    updated_time: int

    @property
    def name(self) -> str:
        """What people call the order, `exchange:SYMBOL:TRADER:SIDE`; side `S2` follows a SELL that was refused."""
        return f"{self.instrument}:{self.trader}:{side_of(self.client_order_id) or self.side[0]}"

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no order may have."""
        super().check()
        # A price or quantity of 0 is what a filter refused.
        least = 0 if self.status is OrderStatus.REJECTED else 1
        in_range("price", self.price, least, PRICE_MAX)
        in_range("quantity", self.quantity, least, AMOUNT_MAX)
        low, high = self._executed
        if not low <= self.executed_quantity <= high:
            in_range(f"executed_quantity of an order that is {self.status}", self.executed_quantity, low, high)

    @property
    def _executed(self) -> tuple[int, int]:
        """The least and the largest quantity that is executed of an order with its status."""
        if self.status in (OrderStatus.NEW, OrderStatus.REJECTED):
            return 0, 0
        if self.status is OrderStatus.PARTIALLY_FILLED:
            return 1, self.quantity - 1
        return self.quantity if self.status is OrderStatus.FILLED else 0, self.quantity


class Fill(Decided, kw_only=True, frozen=True):
    """One execution report of the exchange for one of our orders."""

    version: int = 0
    """Its place among all that the book has made, its journal included; 0 is from before books had one."""
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
        """Raise `Refused` that names the field and the value which no execution report may have."""
        super().check()
        in_range("price", self.price, 1, PRICE_MAX)
        in_range("order_quantity", self.order_quantity, 1, AMOUNT_MAX)
        low, high = (1, self.order_quantity) if self.execution_type is ExecutionType.TRADE else (0, 0)
        if not low <= self.quantity <= high:
            in_range(f"quantity of {self.execution_type}", self.quantity, low, high)
        most = 0 if self.execution_type is ExecutionType.REJECTED else self.order_quantity
        in_range("cumulative_quantity", self.cumulative_quantity, self.quantity, most)


class Instrument(Keyed, kw_only=True, frozen=True):
    """What the exchange says of one instrument."""

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
    updated_time: int = 0
    # What is 0 from here on limits nothing.
    max_notional: int = 0
    bid_multiplier_up: int = 0
    bid_multiplier_down: int = 0
    ask_multiplier_up: int = 0
    ask_multiplier_down: int = 0
    max_position: int = 0

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no instrument may have."""
        super().check()
        self.check_grid()

    def check_grid(self) -> None:
        """Raise `Refused` that names a tick or a step size out of its range: a backtest takes any other filter."""
        in_range("tick_size", self.tick_size, 1, PRICE_MAX)
        in_range("step_size", self.step_size, 1, AMOUNT_MAX)


MULTIPLIERS = ("bid_multiplier_up", "bid_multiplier_down", "ask_multiplier_up", "ask_multiplier_down")
"""Of the market price: the highest and lowest price of a BUY and of a SELL."""
FILTERS = (
    *("tick_size", "min_price", "max_price", "step_size", "min_quantity", "max_quantity", "min_notional"),
    *("max_notional", *MULTIPLIERS, "max_position"),
)
"""The fields of `Instrument` that limit orders, all in units of 1e-8."""


class Chosen(Keyed, kw_only=True, frozen=True):
    """What a user decides about one instrument.

    Two commands may change it at once, each knowing what was there before both. So a record says what it changes, and
    whoever reads takes no more than that from it, in the order of the topic (`upon`).
    """

    if TYPE_CHECKING:  # each kind has them as its last fields: in this order they were written before there were others
        updated_time: int = 0
        changed: str | None = None
        revision: int = 0

    def check(self) -> None:
        """Raise `Refused` that names a field which cannot be changed."""
        super().check()
        fields = changeable(type(self))
        for field in self._changes:
            if field not in fields:
                raise Refused(f"changed: {field!r} is none of {', '.join(sorted(fields))}")

    @property
    def _changes(self) -> list[str]:
        return self.changed.split(",") if self.changed else []

    def upon(self, known: Self | None) -> Self:
        """Return what holds once this record came after `known`, which held before it.

        Whoever wrote it may know more than is known here: what was in between is gone from a compacted topic. Then all
        of it holds.
        """
        if known is None or self.changed is None or self.revision > known.revision + 1:
            return msgspec.structs.replace(self, changed=None)
        values: dict[str, Any] = {field: getattr(self, field) for field in self._changes}
        for field in ("updated_time", "revision"):
            values[field] = max(getattr(known, field), getattr(self, field))
        return msgspec.structs.replace(known, **values, changed=None)

    def changing(self, before: Self) -> Self:
        """Return this as a record that changes only what differs from `before`."""
        fields = [field for field in sorted(changeable(type(self))) if getattr(self, field) != getattr(before, field)]
        return msgspec.structs.replace(self, changed=",".join(fields), revision=before.revision + 1)

    def says_all_of(self, held: Self) -> bool:
        """Return whether somebody who sees only this record knows every field of `held` that a user decides."""
        return all(getattr(self, field) == getattr(held, field) for field in changeable(type(self)))

    def restated(self) -> Self:
        """Return this, which holds, as a record that says all of it and changes nothing.

        Its revision is that of a record after the next: whoever knows this takes nothing from it that was changed
        meanwhile, and whoever missed one of the changes that led to it takes all.
        """
        return msgspec.structs.replace(self, changed="", revision=self.revision + 2)


@lru_cache
def changeable(kind: type[Chosen]) -> frozenset[str]:
    """Return the fields of such records that a user decides."""
    return frozenset(kind.__struct_fields__) - {"exchange", "symbol", "updated_time", "changed", "revision"}


class Settings(Chosen, kw_only=True, frozen=True):
    """By what one instrument is streamed and traded."""

    streaming: bool = False
    status: TradingStatus = TradingStatus.OFF
    chunks: int = 5
    budget: int = 100 * ONE
    buy_down_interval: int = 250_000
    profit_interval: int = 100_000
    rebuy_interval: int = 500_000
    fee: int = 100_000
    updated_time: int = 0
    changed: str | None = None
    """The fields that this record changes, separated by commas; `None` for all of them."""
    revision: int = 0
    """One more than that of the settings that whoever wrote this record knew."""
    notional_limit: int = 0
    orders_limit: int = 0
    minute_limit: int = 0
    loss_limit: int = 0
    halted: bool = False
    """Whether a halt has switched trading off: only who names the instrument starts it again."""

    def check(self) -> None:
        """Raise `Refused` that names a parameter out of its range, or a change of what can not be changed."""
        super().check()
        for parameter in PARAMETERS:
            parameter.check(getattr(self, parameter.field))


class Setup(NamedTuple):
    """What an instrument is traded by: what the exchange says of it, and what the user decides about it."""

    instrument: Instrument
    settings: Settings

    @property
    def key(self) -> str:
        """The instrument's key, `exchange:SYMBOL`."""
        return self.instrument.instrument

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no such record may have."""
        self.instrument.check_grid()
        self.settings.check()


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
