"""Records of every type that are valid, as Hypothesis draws them: anything that may be, and the edges of it."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from schemas.checks import COUNT_MAX, FIRST_MARKET_TIME, INT_MAX, LAST_TIME, LONG_MAX
from schemas.dead_letters import dead_letter
from schemas.gap_records import Gap, GapStatus
from schemas.journal_records import BOOK, LEADER, Applied, Checkpoint
from schemas.market_records import Alert, Candle, Digest, Quote
from schemas.records import (
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
    changeable,
)
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX, VOLUME_MAX
from schemas.watches import AlertKind, Snooze, Watch

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
    return st.one_of(short, nasty.map(lambda each: each[:longest].ljust(shortest, "x")), wide)


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
    filled=st.booleans(),
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
CHANGES = st.lists(st.sampled_from(sorted(changeable(Settings))), unique=True).map(",".join)
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
    **dict.fromkeys(("notional_limit", "loss_limit"), between(0, AMOUNT_MAX)),
    orders_limit=between(0, 1_000),
    minute_limit=between(0, 1_000_000),
    halted=st.booleans(),
)
WATCHES: st.SearchStrategy[Watch] = st.builds(
    Watch,
    **KEYED,
    watched=st.booleans(),
    kinds=st.lists(st.sampled_from(AlertKind), unique=True).map(",".join),
    **dict.fromkeys(("deviation", "apart"), between(1, ONE - 1)),
    pair=texts(40),
    **dict.fromkeys(("cooldown", "coverage", "silence"), between(0, 86_400)),
    digest_minutes=between(0, 1_440),
    updated_time=TIMES,
    changed=st.none() | st.lists(st.sampled_from(sorted(changeable(Watch))), unique=True).map(",".join),
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


@st.composite
def gaps(draw: st.DrawFn) -> Gap:
    """Gaps of every kind."""
    first = draw(LONGS)
    fields: dict[str, Strategy] = {
        **KEYED,
        "first_id": st.just(first),
        "last_id": between(first, LONG_MAX),
        **dict.fromkeys(("before_time", "after_time", "opened_time", "updated_time"), TIMES),
        "status": st.sampled_from(GapStatus),
        "reason": st.none() | texts(4_000),
        "missing": st.none() | LONGS,
        "filled_count": LONGS,
    }
    return draw(st.builds(Gap, **fields))


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


def ranged(draw: st.DrawFn, *within: str) -> dict[str, Strategy]:
    """A high, a low, and prices between them."""
    low, high = sorted((draw(PRICES), draw(PRICES)))
    return {"low": st.just(low), "high": st.just(high), **dict.fromkeys(within, between(low, high))}


@st.composite
def candles(draw: st.DrawFn) -> Candle:
    """Candles of all kinds."""
    volume = draw(between(1, VOLUME_MAX))
    fields: dict[str, Strategy] = {
        **KEYED,
        **ranged(draw, "open", "close"),
        "interval": between(1, 1_440),
        "open_time": TIMES,
        "volume": st.just(volume),
        "quote_volume": between(0, VOLUME_MAX),
        "taker_buy_volume": between(0, volume),
        "trades": between(1, COUNT_MAX),
        **dict.fromkeys(("first_trade_id", "last_trade_id"), LONGS),
        "revision": COUNTS,
        **dict.fromkeys(("complete", "closed"), st.booleans()),
    }
    return draw(st.builds(Candle, **fields))


ALERTS: st.SearchStrategy[Alert] = st.builds(
    Alert,
    **KEYED,
    alert_id=texts(250, shortest=1),
    **dict.fromkeys(("kind", "direction"), texts(40, shortest=1)),
    **dict.fromkeys(("price", "reference"), PRICES),
    threshold=between(0, ONE),
    value=between(-ONE, AMOUNT_MAX),
    held_back=COUNTS,
    settings_offset=OFFSETS,
    event_time=MARKET_TIMES,
    other=st.none() | texts(250, shortest=3),
)
QUOTES: st.SearchStrategy[Quote] = st.builds(
    Quote,
    **KEYED,
    pair=texts(40, shortest=1),
    price=PRICES,
    trade_time=MARKET_TIMES,
    apart=between(0, ONE - 1),
    cooldown=between(0, 86_400),
    settings_offset=OFFSETS,
)


@st.composite
def digests(draw: st.DrawFn) -> Digest:
    """Digests of all kinds."""
    fields: dict[str, Strategy] = {
        **KEYED,
        **ranged(draw, "open", "price"),
        "time": TIMES,
        "average": PRICES,
        "trades_per_second": between(0, AMOUNT_MAX),
        "volume": between(1, VOLUME_MAX),
        "quote_volume": between(0, VOLUME_MAX),
        "trades": between(1, COUNT_MAX),
        "covered_since": TIMES,
        "settings_offset": OFFSETS,
    }
    return draw(st.builds(Digest, **fields))


BY_TYPE: dict[type[Record], st.SearchStrategy[Any]] = {
    Trade: TRADES,
    Order: orders(),
    Fill: fills(),
    Instrument: INSTRUMENTS,
    Settings: SETTINGS,
    Watch: WATCHES,
    Snooze: st.builds(Snooze, **KEYED, until=TIMES, updated_time=TIMES),
    Applied: APPLIED,
    Gap: gaps(),
    Checkpoint: CHECKPOINTS,
    DeadLetter: DEAD_LETTERS,
    Candle: candles(),
    Quote: QUOTES,
    Alert: ALERTS,
    Digest: digests(),
}
