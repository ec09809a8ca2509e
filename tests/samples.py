"""Records to test with, in plain decimals: everything that a test does not name has an unremarkable value."""

from typing import Any

import msgspec

from schemas.order_ids import OrderId, read_id
from schemas.records import (
    ExecutionType,
    Fill,
    Instrument,
    Order,
    OrderStatus,
    Settings,
    Setup,
    Side,
    Trade,
    TradingStatus,
)
from schemas.units import to_units

INSTRUMENT = "binance:XRPUSDT"


def units(text: str) -> int:
    """The integer of 1e-8 for a plain decimal."""
    return to_units(text, "test")


def setup(key: str = INSTRUMENT, **changes: Any) -> Setup:
    """An instrument and settings whose consequences are easily told; `changes` are fields of either."""
    names = set(Instrument.__struct_fields__) - set(Settings.__struct_fields__)
    changed = {name: value for name, value in changes.items() if name not in names}
    return Setup(instrument(key, **{name: changes[name] for name in names & changes.keys()}), settings(key, **changed))


def instrument(key: str = INSTRUMENT, **changes: Any) -> Instrument:
    """What the exchange says: tick 0.01, step 0.1."""
    exchange, symbol = key.split(":")
    values: dict[str, Any] = {
        "exchange": exchange,
        "symbol": symbol,
        "base_asset": "XRP",
        "quote_asset": "USDT",
        "tick_size": "0.01",
        "step_size": "0.1",
        **changes,
    }
    return Instrument(**{name: units(v) if _is_decimal(name, v) else v for name, v in values.items()})


def settings(key: str = INSTRUMENT, **changes: Any) -> Settings:
    """What the user decides: 1 % down, 2 % profit, rebuy at 5 %, no fee, 3 times 100."""
    exchange, symbol = key.split(":")
    values: dict[str, Any] = {
        "exchange": exchange,
        "symbol": symbol,
        "status": TradingStatus.ON,
        "chunks": 3,
        "budget": "300",
        "buy_down_interval": "0.01",
        "profit_interval": "0.02",
        "rebuy_interval": "0.05",
        "fee": "0",
        **changes,
    }
    return Settings(**{name: units(v) if _is_decimal(name, v) else v for name, v in values.items()})


NINE_TRADES = (
    *("0.43183010", "0.43183020", "0.43183030", "0.4307", "0.43065", "0.43189", "0.4319", "0.43205", "0.43210"),
)
"""The check from end to end: these prices under `nine_trade_setup` …"""
NINE_TRADE_ORDERS = [
    ("BUY", "0.4307", "FILLED"),
    ("SELL", "0.4319", "FILLED"),
    ("BUY", "0.431", "NEW"),
]
"""… give these orders."""


def nine_trade_setup(key: str = INSTRUMENT, **changes: Any) -> Setup:
    """Chunks 5, budget 100, buy_down 0.0025, profit 0.001, tick 0.0001; the fee is the usual 0.001."""
    return setup(
        key,
        **{
            "chunks": 5,
            "budget": "100",
            "buy_down_interval": "0.0025",
            "profit_interval": "0.001",
            "rebuy_interval": "0.01",
            "tick_size": "0.0001",
            "fee": "0.001",
            **changes,
        },
    )


def trade(price: str, trade_id: int = 1, instrument: str = INSTRUMENT, quantity: str = "1000") -> Trade:
    """A market trade; its times follow from its id."""
    exchange, symbol = instrument.split(":")
    time = 1_559_433_601_000_000 + trade_id
    return Trade(
        exchange=exchange,
        symbol=symbol,
        price=units(price),
        quantity=units(quantity),
        trade_id=trade_id,
        trade_time=time,
        event_time=time + 1,
        received_time=time + 2,
        buyer_is_maker=bool(trade_id % 2),
    )


def order(client_order_id: str = f"{INSTRUMENT}:1:B", **changes: Any) -> Order:
    """A new order as a leader sends it; of one that is filled, all of it is executed, of one that is in part, half."""
    named = read_id(client_order_id)
    assert named is not None
    exchange, symbol = _instrument_of(named).split(":")
    values: dict[str, Any] = {
        "exchange": exchange,
        "symbol": symbol,
        "client_order_id": client_order_id,
        "version": 2,
        "trader": named.trader,
        "side": Side.BUY if named.side == "B" else Side.SELL,
        "time_in_force": "GTC",
        "status": OrderStatus.NEW,
        "price": "99",
        "quantity": "1",
        "executed_quantity": "0",
        "cancel_requested": False,
        "reason": None,
        "cause_topic": "trades",
        "input_partition": 0,
        "trades_offset": 0,
        "fills_offset": -1,
        "settings_offset": 0,
        "instruments_offset": 0,
        "created_time": 1,
        "updated_time": 1,
        **changes,
    }
    made = Order(**{name: units(v) if _is_decimal(name, v) else v for name, v in values.items()})
    if "executed_quantity" in changes:
        return made
    executed = {OrderStatus.FILLED: made.quantity, OrderStatus.PARTIALLY_FILLED: made.quantity // 2}
    return msgspec.structs.replace(made, executed_quantity=executed.get(made.status, 0))


def fill(client_order_id: str = f"{INSTRUMENT}:1:B", **changes: Any) -> Fill:
    """A report that the whole order was executed at 99."""
    named = read_id(client_order_id)
    assert named is not None
    exchange, symbol = _instrument_of(named).split(":")
    values: dict[str, Any] = {
        "exchange": exchange,
        "symbol": symbol,
        "fill_id": f"{client_order_id}:1",
        "client_order_id": client_order_id,
        "side": Side.BUY if named.side == "B" else Side.SELL,
        "execution_type": ExecutionType.TRADE,
        "price": "99",
        "quantity": "1",
        "cumulative_quantity": "1",
        "order_quantity": "1",
        "commission": "0",
        "trade_id": 7,
        "reason": None,
        "transaction_time": 5,
        **changes,
    }
    return Fill(**{name: units(v) if _is_decimal(name, v) else v for name, v in values.items()})


def _instrument_of(named: OrderId) -> str:
    return INSTRUMENT if named.incarnation else named.instrument


_TEXTS = {"exchange", "symbol", "base_asset", "quote_asset", "exchange_status", "status", "side", "execution_type"}
_TEXTS |= {"client_order_id", "fill_id", "time_in_force", "reason", "cause_topic", "changed"}


def _is_decimal(name: str, value: object) -> bool:
    return isinstance(value, str) and name not in _TEXTS
