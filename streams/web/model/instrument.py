"""The view of one instrument: its price, its bot, its orders and its last trades."""

from typing import Any

import msgspec

from schemas.order_ids import orders_of, read_id
from schemas.parameters import PARAMETERS
from schemas.records import Fill, Order, OrderStatus, Settings, Side
from schemas.units import ONE, plain
from streams.market.averages import average_price
from streams.market.candles import Candle, candle_at
from streams.market.day_range import day_range
from streams.market.history import INTERVALS
from streams.trading.leader import LeaderState
from streams.trading.matching import BUYING, SELLING
from streams.trading.strategy import BUY_REFUSED, COUNT, SELL_REFUSED, WAITING
from streams.web.model.board import (
    PARTS,
    SETUPS,
    Board,
    Deals,
    Market,
    deals_subject,
    market_subject,
    pair_of,
    side_word,
)
from streams.web.model.bots import bot_row, curve_points
from streams.web.model.cards import card, price_places
from streams.web.model.numbers import fixed, places_of, rounded, share
from streams.web.model.panels import Panel, Parameters, Shown
from streams.web.model.profits import curve

ORDERS_SHOWN = 60
MARKERS_MAX = 400
DEFAULT_INTERVAL = 5
BECAUSE_PLACES = 3


def instrument_view(_: Board, parameters: Parameters) -> list[Panel]:
    """Return the panels of one instrument."""
    key = parameters.get("instrument", "")
    interval = interval_of(parameters.get("interval", ""))
    market, deals = market_subject(key), deals_subject(key)
    return [
        Panel(f"head {key}", (market, deals, SETUPS), lambda board, _: head(board, key)),
        Panel(f"candle {key} {interval}", (market,), lambda board, _: newest_candles(board, key, interval)),
        Panel(f"tape {key}", (market, SETUPS), lambda board, _: tape(board, key), pace_ms=100),
        Panel(f"bot {key}", (deals, PARTS), lambda board, now: bot(board, key, now), pace_ms=200, refresh_ms=5_000),
        Panel(f"traders {key}", (deals, market), lambda board, _: traders(board, key), pace_ms=250),
        Panel(f"orders {key}", (deals, SETUPS), lambda board, _: orders(board, key), pace_ms=100),
        Panel(f"settings {key}", (deals, SETUPS), lambda board, _: settings(board, key), pace_ms=100),
    ]


def interval_of(text: str) -> int:
    """Return the length of candles, in minutes, that an address names; the usual one where it names none there is."""
    return int(text) if text.isdecimal() and len(text) < 5 and int(text) in INTERVALS else DEFAULT_INTERVAL


def head(board: Board, instrument: str) -> Shown:
    """Return the price of an instrument and what it did in 24 hours."""
    shown = card(board, instrument) | {"key": instrument, "bot": instrument in board.leaders}
    market = board.markets.get(instrument)
    day = None if market is None else day_range(market.state.history)
    if market is not None and day is not None:
        shown["volume"] = plain(day.volume)
        shown["mean"] = fixed(
            average_price(market.state.average) // step_of(board, instrument) * step_of(board, instrument),
            price_places(board, instrument),
        )
        shown["amended"] = market.amended
    return shown


def step_of(board: Board, instrument: str) -> int:
    """Return the tick of an instrument, 1e-8 where it is not known."""
    known = board.instruments.get(instrument)
    return 1 if known is None else known.tick_size


def candles(board: Board, instrument: str, interval: int) -> list[dict[str, Any]]:
    """Return the candles of the last 24 hours that are known here, the newest last."""
    market = board.markets.get(instrument)
    if market is None:
        return []
    history, places = market.state.history, price_places(board, instrument)
    starts = range(history.start // interval * interval, history.minute + 1, interval)
    found = (candle_at(instrument, history, interval, max(start, history.start)) for start in starts)
    return [candle_row(candle, places) for candle in found if candle is not None]


def newest_candles(board: Board, instrument: str, interval: int) -> Shown:
    """Return the newest candle and the one before it."""
    market = board.markets.get(instrument)
    if market is None:
        return {"candles": [], "amended": 0}
    history = market.state.history
    start = history.minute // interval * interval
    wanted = [max(start - interval, history.start), start]
    found = (candle_at(instrument, history, interval, minute) for minute in dict.fromkeys(wanted))
    rows = [candle_row(candle, price_places(board, instrument)) for candle in found if candle is not None]
    return {"candles": rows, "amended": market.amended}


def candle_row(candle: Candle, places: int) -> dict[str, Any]:
    """Return a candle as the chart takes it; `time` is in seconds."""
    return {
        "time": candle.open_time // 1_000_000,
        "open": fixed(candle.open, places),
        "high": fixed(candle.high, places),
        "low": fixed(candle.low, places),
        "close": fixed(candle.close, places),
        "volume": plain(candle.volume),
        "trades": candle.trades,
        "complete": candle.complete,
    }


def tape(board: Board, instrument: str) -> Shown:
    """Return the last trades, the newest first."""
    market, places = board.markets.get(instrument), price_places(board, instrument)
    known = board.instruments.get(instrument)
    sizes = 0 if known is None else places_of(known.step_size)
    ticks = [] if market is None else list(market.tape)[::-1]
    rows = [
        {
            "id": tick.trade_id,
            "time": tick.time // 1_000,
            "price": fixed(tick.price, places),
            "quantity": fixed(tick.quantity, sizes),
            "up": not tick.buyer_is_maker,
        }
        for tick in ticks
    ]
    return {"trades": rows}


def bot(board: Board, instrument: str, now: int) -> Shown:
    """Return what the bot of an instrument made, and what can be done to it."""
    deals, market = board.deals.get(instrument, Deals()), board.markets.get(instrument)
    steps = curve(deals.profits)
    shown = bot_row(board, instrument, now)
    return shown | {
        "curve": curve_points(deals, 80),
        "since": steps[0][0] // 1_000 if steps else None,
        "hold": None if market is None else _hold(board, instrument, market, deals),
    }


def _hold(board: Board, instrument: str, market: Market, deals: Deals) -> str | None:
    """Return what the budget would have made, had all of it bought at the first buying and been kept."""
    bought = [pair.bought for pair in deals.profits.pairs.values() if pair.bought.quantity]
    settings = board.settings.get(instrument)
    if not bought or settings is None or market.state.history.open is None:
        return None
    first = min(bought, key=lambda half: half.time).last_price
    return rounded(settings.budget * (market.state.average.newest.price - first) // first, 2)


def traders(board: Board, instrument: str) -> Shown:
    """Return what each trader waits for, how near the price is, and why it has no order where it has none."""
    state, market = board.leaders.get(instrument), board.markets.get(instrument)
    places = price_places(board, instrument)
    if state is None:
        return {"traders": [], "chunks": 0}
    last = 0 if market is None or market.state.history.open is None else market.state.average.newest.price
    refused = _refusals(board, instrument)
    rows = [_trader(state, at, last, places, refused) for at in range(state.leader.head[COUNT])]
    chunks = 0 if state.settings is None else state.settings.chunks
    return {"traders": rows, "chunks": chunks, "why_not": _why_none(board, instrument, state)}


def _refusals(board: Board, instrument: str) -> dict[int, str]:
    """Return by trader which filter refused its newest order that was refused."""
    found: dict[int, str] = {}
    for order in sorted(board.deals.get(instrument, Deals()).orders.values(), key=lambda order: order.created_time):
        named = read_id(order.client_order_id)
        if named is not None and order.status is OrderStatus.REJECTED and order.reason:
            found[named.trader] = order.reason
    return found


def _trader(state: LeaderState, at: int, last: int, places: int, refused: dict[int, str]) -> dict[str, Any]:
    leader = state.leader
    number, stage, price = leader.number[at], leader.stage[at], leader.price[at]
    row = {"number": number, "price": None, "quantity": None, "near": None, "away": None, "why_not": None}
    if stage == WAITING:
        return row | {"waits": "waits", "side": "", "why_not": "takes the next trade of the market"}
    if stage in (BUY_REFUSED, SELL_REFUSED):
        side = "BUY" if stage == BUY_REFUSED else "SELL"
        return row | {
            "waits": "refused",
            "side": "",
            "price": fixed(price, places),
            "quantity": plain(leader.quantity[at]),
            "why_not": f"its {side} of {plain(leader.quantity[at])} at {fixed(price, places)} was refused by "
            f"{refused.get(number, 'a filter of the exchange')}; it waits for other settings",
        }
    if stage not in (BUYING, SELLING):
        return row | {"waits": "stands", "side": "", "why_not": "its order ended unasked: it stands still"}
    distance = abs(price - last)
    return row | {
        "waits": "buys at" if stage == BUYING else "sells at",
        "side": "buy" if stage == BUYING else "sell",
        "price": fixed(price, places),
        "quantity": plain(leader.quantity[at]),
        "near": _near(state, number, stage, price, last) if last else None,
        "away": rounded(distance * 100 * ONE // last, 2) if last else None,
    }


def _near(state: LeaderState, number: int, stage: int, price: int, last: int) -> int:
    """Return how much of the way to its limit the price has gone, in thousandths.

    The way of a buy begins at the price that it was placed at, that of a sell at what was paid.
    """
    settings = state.settings
    if settings is None:
        return 0
    if stage == BUYING:
        begin = price * ONE // max(ONE - settings.buy_down_interval, 1)
        return 1_000 if begin <= price else 1_000 - share(price, last, begin)
    order = state.orders.get(number)
    if order is None:
        return 0
    paid = price * ONE // (ONE + settings.profit_interval + 2 * settings.fee)
    return share(paid, last, price)


def _why_none(board: Board, instrument: str, state: LeaderState) -> str | None:
    """Return why no trader runs, where none does."""
    if state.leader.head[COUNT]:
        return None
    settings = board.settings.get(instrument)
    if state.instrument is None:
        return "the exchange has not said what this instrument is: hedgehog settings seed"
    if settings is None or settings.status == "off":
        return "trading is off"
    return "every trader has finished: shutting down starts none" if settings.status == "shutdown" else None


def orders(board: Board, instrument: str) -> Shown:
    """Return the newest orders, the newest first; the marks of fills on the chart; the limits of open orders."""
    deals, places = board.deals.get(instrument, Deals()), price_places(board, instrument)
    newest = sorted(deals.orders.values(), key=lambda order: (order.created_time, order.version), reverse=True)
    limits = [
        {"id": order.client_order_id, "side": side_word(order.side), "price": fixed(order.price, places)}
        for order in deals.open_orders
    ]
    filled = sorted((o for o in newest if o.executed_quantity), key=lambda order: order.updated_time)
    return {
        "orders": [_order(order, deals, places, board.leaders.get(instrument)) for order in newest[:ORDERS_SHOWN]],
        "fills": [_fill(fill, places) for fill in reversed(deals.fills)],
        "open": len(limits),
        "known": len(newest),
        "limits": limits,
        "marks": [
            {
                "id": order.client_order_id,
                "time": order.updated_time // 1_000_000,
                "side": side_word(order.side),
                "price": fixed(order.price, places),
                "text": order.name.split(":", 2)[2],
            }
            for order in filled[-MARKERS_MAX:]
        ],
    }


def _order(order: Order, deals: Deals, places: int, leader: LeaderState | None) -> dict[str, Any]:
    return {
        "id": order.client_order_id,
        "name": order.name,
        "short": order.name.split(":", 2)[2],
        "time": order.created_time // 1_000,
        "side": side_word(order.side),
        "price": fixed(order.price, places),
        "quantity": plain(order.quantity),
        "done": share(0, order.executed_quantity, max(order.quantity, 1)),
        "executed": plain(order.executed_quantity),
        "state": _state(order),
        "because": _because(order, deals, places, leader),
    }


def _state(order: Order) -> str:
    if order.cancel_requested and order.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED):
        return "cancelling"
    return WORDS[order.status]


WORDS = {
    OrderStatus.NEW: "open",
    OrderStatus.PARTIALLY_FILLED: "part filled",
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELED: "cancelled",
    OrderStatus.REJECTED: "refused",
    OrderStatus.EXPIRED: "expired",
}


def _because(order: Order, deals: Deals, places: int, leader: LeaderState | None) -> str:
    """Return in a few words what an order answers; the whole story is told on demand."""
    if order.status is OrderStatus.REJECTED and order.reason:
        return f"refused by {order.reason}"
    if order.side is Side.SELL:
        bought = deals.orders.get(orders_of(order.client_order_id, 1)[0])
        return "sells what it bought" if bought is None else f"bought {fixed(bought.price, places)}"
    if leader is None or leader.settings is None or leader.settings_offset != order.settings_offset:
        return "the first trade its trader saw"
    return f"{plain(leader.settings.buy_down_interval * 100)} % below the first trade its trader saw"


def _fill(fill: Fill, places: int) -> dict[str, Any]:
    return {
        "id": fill.fill_id,
        "time": fill.transaction_time // 1_000,
        "order": fill.client_order_id,
        "side": side_word(fill.side),
        "kind": fill.execution_type.value.lower(),
        "price": fixed(fill.price, places),
        "quantity": plain(fill.quantity),
        "commission": plain(fill.commission),
    }


def settings(board: Board, instrument: str) -> Shown:
    """Return the settings and the fields of the form that changes them."""
    exchange, base, quote = pair_of(board, instrument)
    now = board.settings.get(instrument) or Settings(exchange=exchange, symbol=instrument.split(":", 1)[1])
    values = msgspec.structs.asdict(now)
    fields = [
        {
            "field": parameter.field,
            "option": parameter.option,
            "label": parameter.label,
            "help": parameter.help,
            "value": parameter.text(values[parameter.field]),
        }
        for parameter in PARAMETERS
    ]
    watch = board.watches.get(instrument)
    return {
        "known": instrument in board.instruments,
        "streaming": now.streaming,
        "watched": watch is not None and watch.watched,
        "fields": fields,
        "command": f"hedgehog settings set {instrument}",
        "base": base,
        "quote": quote,
    }
