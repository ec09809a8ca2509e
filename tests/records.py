"""Records of every type that are valid, as Hypothesis draws them: anything that may be, and the edges of it."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from schemas.checks import COUNT_MAX, FIRST_MARKET_TIME, INT_MAX, LAST_TIME, LONG_MAX
from schemas.dead_letters import dead_letter
from schemas.records import (
    BOOK,
    CHANGEABLE,
    LEADER,
    Applied,
    Checkpoint,
    DeadLetter,
    ExecutionType,
    Fill,
    Instrument,
    Order,
    OrderStatus,
    Record,
    Settings,
    Side,
    Trade,
    TradingStatus,
)
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX

Strategy = st.SearchStrategy[Any]


def between(low: int, high: int) -> Strategy:
    """Whole numbers of any size, the ends and their neighbours now and then."""
    ends = sorted({low, min(low + 1, high), max(high - 1, low), high})
    return st.one_of(st.integers(low, high), st.sampled_from(ends))


def texts(longest: int, shortest: int = 0) -> Strategy:
    """Texts that can be stored: of any characters, quotes and line ends among them, now and then as long as may be."""
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
    nasty = st.sampled_from(['"', "'", "\\", "\n", "%s", "\U0001f994", "\ufeff", "\u2028", "null", "币", "a" * longest])
    short = st.text(characters, min_size=shortest, max_size=min(longest, 30))
    wide = st.sampled_from(["x", "\U0001f994"]).map(lambda each: each * longest)
    return st.one_of(short, nasty.map(lambda each: each[:longest]), wide)


def names(longest: int) -> Strategy:
    """Parts of a key."""
    characters = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=":")
    wide = st.sampled_from(["X", "\U0001f994"]).map(lambda each: each * longest)
    return st.one_of(
        st.text(characters, min_size=1, max_size=12), wide, st.sampled_from(["binance", "XRPUSDT", "币安"])
    )


LONGS = between(0, LONG_MAX)
COUNTS = between(0, COUNT_MAX)
OFFSETS = between(-1, LONG_MAX)
PARTITIONS = between(0, INT_MAX)
TIMES = between(0, LAST_TIME)
MARKET_TIMES = between(FIRST_MARKET_TIME, LAST_TIME)
PRICES = between(1, PRICE_MAX)
AMOUNTS = between(1, AMOUNT_MAX)
LIMITS = {"price": between(0, PRICE_MAX), "amount": between(0, AMOUNT_MAX)}
FRACTIONS = between(1 - ONE, ONE - 1)
IDS = texts(200, shortest=1)
KEYED: dict[str, Strategy] = {"exchange": names(40), "symbol": names(100)}
DECIDED: dict[str, Strategy] = {**KEYED, "epoch": COUNTS}

TRADES: st.SearchStrategy[Trade] = st.builds(
    Trade,
    **KEYED,
    price=PRICES,
    quantity=AMOUNTS,
    trade_id=LONGS,
    trade_time=MARKET_TIMES,
    event_time=MARKET_TIMES,
    received_time=TIMES,
    buyer_is_maker=st.booleans(),
    buyer_order_id=st.none() | LONGS,
    seller_order_id=st.none() | LONGS,
)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Orders of every status."""
    status = draw(st.sampled_from(OrderStatus))
    refused = status is OrderStatus.REJECTED
    least = {OrderStatus.REJECTED: 0, OrderStatus.PARTIALLY_FILLED: 2}.get(status, 1)
    quantity = draw(between(least, AMOUNT_MAX))
    executed = {
        OrderStatus.NEW: (0, 0),
        OrderStatus.REJECTED: (0, 0),
        OrderStatus.PARTIALLY_FILLED: (1, quantity - 1),
        OrderStatus.FILLED: (quantity, quantity),
    }
    fields: dict[str, Strategy] = {
        **DECIDED,
        "client_order_id": IDS,
        "version": COUNTS,
        "trader": LONGS,
        "side": st.sampled_from(Side),
        "time_in_force": texts(40),
        "status": st.just(status),
        "price": between(0 if refused else 1, PRICE_MAX),
        "quantity": st.just(quantity),
        "executed_quantity": between(*executed.get(status, (0, quantity))),
        "cancel_requested": st.booleans(),
        "reason": st.none() | texts(4_000),
        "cause_topic": texts(249, shortest=1),
        "input_partition": PARTITIONS,
        **dict.fromkeys(("trades_offset", "fills_offset", "settings_offset", "instruments_offset"), OFFSETS),
        **dict.fromkeys(("created_time", "updated_time"), TIMES),
    }
    return draw(st.builds(Order, **fields))


@st.composite
def fills(draw: st.DrawFn) -> Fill:
    """Reports of every kind."""
    kind = draw(st.sampled_from(ExecutionType))
    whole = draw(AMOUNTS)
    quantity = draw(between(1, whole)) if kind is ExecutionType.TRADE else 0
    fields: dict[str, Strategy] = {
        **DECIDED,
        "version": COUNTS,
        "fill_id": texts(224, shortest=1),
        "client_order_id": IDS,
        "side": st.sampled_from(Side),
        "execution_type": st.just(kind),
        "price": PRICES,
        "quantity": st.just(quantity),
        "cumulative_quantity": between(quantity, 0 if kind is ExecutionType.REJECTED else whole),
        "order_quantity": st.just(whole),
        "commission": between(-AMOUNT_MAX, AMOUNT_MAX),
        "trade_id": st.none() | LONGS,
        "reason": st.none() | texts(4_000),
        "transaction_time": TIMES,
    }
    return draw(st.builds(Fill, **fields))


INSTRUMENTS: st.SearchStrategy[Instrument] = st.builds(
    Instrument,
    **KEYED,
    **dict.fromkeys(("base_asset", "quote_asset", "exchange_status"), texts(40)),
    tick_size=PRICES,
    step_size=AMOUNTS,
    **dict.fromkeys(("min_price", "max_price"), LIMITS["price"]),
    **dict.fromkeys(("min_quantity", "max_quantity", "min_notional"), LIMITS["amount"]),
    updated_time=TIMES,
)
CHANGES = st.lists(st.sampled_from(sorted(CHANGEABLE)), unique=True).map(",".join)
SETTINGS: st.SearchStrategy[Settings] = st.builds(
    Settings,
    **KEYED,
    streaming=st.booleans(),
    status=st.sampled_from(TradingStatus),
    chunks=between(1, 1_000),
    budget=AMOUNTS,
    **dict.fromkeys(("buy_down_interval", "profit_interval", "rebuy_interval"), FRACTIONS),
    fee=between(0, ONE - 1),
    updated_time=TIMES,
    changed=st.none() | CHANGES,
    revision=COUNTS,
)
APPLIED: st.SearchStrategy[Applied] = st.builds(
    Applied,
    **DECIDED,
    agent=st.sampled_from((LEADER, BOOK)),
    version=COUNTS,
    input_topic=texts(249, shortest=1),
    input_partition=PARTITIONS,
    input_offset=OFFSETS,
    trades_offset=OFFSETS,
    terms=st.none() | texts(64_000),
    settings=st.none() | SETTINGS.map(lambda record: msgspec.json.encode(record).decode()),
    instrument_taken=st.none() | INSTRUMENTS.map(lambda record: msgspec.json.encode(record).decode()),
)
CHECKPOINTS: st.SearchStrategy[Checkpoint] = st.builds(
    Checkpoint,
    **DECIDED,
    agent=st.sampled_from((LEADER, BOOK)),
    version=COUNTS,
    input_partition=PARTITIONS,
    trades_offset=OFFSETS,
    layout=texts(40),
    state=st.binary(max_size=100),
)
DEAD_LETTERS: st.SearchStrategy[DeadLetter] = st.builds(
    dead_letter,
    texts(200),
    texts(249, shortest=1),
    between(-1, INT_MAX),
    OFFSETS,
    st.none() | st.binary(max_size=100),
    st.none() | st.binary(max_size=100),
    st.text(max_size=50),
    TIMES,
)
BY_TYPE: dict[type[Record], st.SearchStrategy[Any]] = {
    Trade: TRADES,
    Order: orders(),
    Fill: fills(),
    Instrument: INSTRUMENTS,
    Settings: SETTINGS,
    Applied: APPLIED,
    Checkpoint: CHECKPOINTS,
    DeadLetter: DEAD_LETTERS,
}
