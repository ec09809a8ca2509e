"""The view of the market: a card an instrument, grouped by exchange, and the same coin across exchanges."""

from collections.abc import Iterator
from typing import Any

from schemas.records import TradingStatus
from schemas.symbols import split_instrument
from schemas.units import ONE
from streams.market.averages import Average, average_price
from streams.market.buckets import NEVER, RING
from streams.market.day_range import DayRange, day_range
from streams.market.history import History
from streams.market.kernel import SECOND_US, SECONDS, TRADES
from streams.web.model.board import MARKETS, SETUPS, Board, Market, market_subject, pair_of
from streams.web.model.numbers import fixed, percent, places_of, points, rounded, share
from streams.web.model.panels import Panel, Parameters, Shown

CARDS_MAX = 200
"""So many instruments are on one page at most."""
SPARK_POINTS = 52
SPARK_MINUTES = 1_440
STALE_MS = 30_000
STALE_GAPS = 10
"""A market is stale after so many of its usual gaps between two trades, but not before `STALE_MS`."""
STALE_MAX_MS = 3_600_000
DOLLARS = ("USD", "USDT", "USDC")
"""Quote assets that are compared with each other; their own rates are part of what is shown."""
SPREADS = 12
DAY_US = 86_400_000_000


def market_view(board: Board, parameters: Parameters) -> list[Panel]:
    """Return the panels of the market: the list, then a card and a spark line an instrument, then the spreads."""
    chosen = parameters.get("keys", "")
    keys = watchlist(board, chosen)
    subjects = (SETUPS, MARKETS)
    return [
        Panel(f"list {chosen}", subjects, lambda known, _: _list(known, chosen)),
        *(card_panel(key) for key in keys),
        *(spark_panel(key) for key in keys),
        Panel("spreads", (MARKETS, *map(market_subject, _compared(board))), _spreads, pace_ms=1_000),
    ]


def card_panel(instrument: str) -> Panel:
    """Return the card of an instrument."""
    subjects = market_subject(instrument), SETUPS, f"deals {instrument}"
    return Panel(f"card {instrument}", subjects, lambda board, _: card(board, instrument))


def spark_panel(instrument: str) -> Panel:
    """Return the spark line of an instrument, which is made anew now and then."""
    subjects = (market_subject(instrument),)
    return Panel(f"spark {instrument}", subjects, lambda board, _: spark(board, instrument), pace_ms=2_000)


def watchlist(board: Board, chosen: str) -> list[str]:
    """Return the instruments that an address names, those that are watched or streamed where it names none."""
    if chosen:
        named = chosen.split(",") if chosen != "-" else []
    else:
        watched = {key for key, watch in board.watches.items() if watch.watched}
        streamed = {key for key, settings in board.settings.items() if settings.streaming}
        named = sorted(watched | streamed | board.markets.keys())
    known = (key for key in named if _is_key(key))
    return list(dict.fromkeys(known))[:CARDS_MAX]


def card(board: Board, instrument: str) -> Shown:
    """Return what a card shows; without trades only what the instrument is."""
    exchange, base, quote = pair_of(board, instrument)
    shown: Shown = {"exchange": exchange, "base": base, "quote": quote, "known": instrument in board.instruments}
    market = board.markets.get(instrument)
    day = None if market is None else day_range(market.state.history)
    if market is None or day is None:
        return shown | {"price": None, "streamed": _is_streamed(board, instrument)}
    places = price_places(board, instrument)
    average = average_price(market.state.average)
    return shown | {
        "price": fixed(day.close, places),
        "change": percent(day.change, day.open),
        "low": fixed(day.low, places),
        "high": fixed(day.high, places),
        "place": share(day.low, day.close, day.high),
        "average": percent(day.close - average, average),
        "time": newest_time(market) // 1_000,
        "since": day.covered_since // 1_000 if is_short(day, newest_time(market)) else None,
        "stale_ms": stale_after_ms(market.state.average),
        "bot": bot_profit(board, instrument),
    }


def spark(board: Board, instrument: str) -> Shown:
    """Return the closes of the last day, or of what is known of it, as heights in thousandths."""
    market = board.markets.get(instrument)
    closes = [] if market is None else list(_closes(market.state.history))
    low, high = (min(closes), max(closes)) if closes else (0, 0)
    return {"points": [share(low, close, high) if high > low else 500 for close in closes]}


def price_places(board: Board, instrument: str) -> int:
    """Return how many decimals the prices of an instrument have at least."""
    known = board.instruments.get(instrument)
    return 0 if known is None else places_of(known.tick_size)


def newest_time(market: Market) -> int:
    """Return the time of the newest trade of a market that has trades."""
    return market.state.average.newest.time


def is_short(day: DayRange, now: int) -> bool:
    """Return whether less than a day is known."""
    return now - day.covered_since < DAY_US


def stale_after_ms(average: Average) -> int:
    """Return after how long without a trade this market is stale: ten of its usual gaps, half a minute at least."""
    trades = int(average.seconds[TRADES].sum())
    usual = STALE_GAPS * SECONDS * 1_000 // max(trades, 1)
    return min(max(STALE_MS, usual), STALE_MAX_MS)


def bot_profit(board: Board, instrument: str) -> str | None:
    """Return what the bot of an instrument made, with the unsold at the last price; `None` without a bot."""
    leader = board.leaders.get(instrument)
    if leader is None or leader.status is TradingStatus.OFF:
        return None
    deals, market = board.deals.get(instrument), board.markets.get(instrument)
    if deals is None or market is None or market.state.history.covered_since == NEVER:
        return "0.00"
    last = market.state.average.newest.price
    return rounded(deals.profits.profit + deals.profits.unsold * last // ONE - deals.profits.cost, 2)


def _list(board: Board, chosen: str) -> Shown:
    groups: dict[str, list[str]] = {}
    for key in watchlist(board, chosen):
        groups.setdefault(split_instrument(key)[0], []).append(key)
    return {
        "groups": [{"exchange": name, "keys": keys} for name, keys in groups.items()],
        "chosen": bool(chosen),
        "instruments": len(board.names()),
        "suggested": suggested(board),
    }


def suggested(board: Board) -> list[str]:
    """Return three instruments to begin with: those of the best known coins, one an exchange first."""
    ranked = sorted(board.names(), key=lambda key: (_rank(pair_of(board, key)[1]), key))
    return ranked[:3]


def _rank(base: str) -> int:
    known = ("BTC", "ETH", "XRP")
    return known.index(base) if base in known else len(known)


def _closes(history: History) -> Iterator[int]:
    """Yield the last close of each of `SPARK_POINTS` equal parts of what is known of the day, carried forward."""
    first = max(history.start, history.covered_since // (60 * SECOND_US))
    span = max(history.minute - first + 1, 1)
    step = max(span // SPARK_POINTS, 1)
    last = 0
    ring = history.ring
    for minute in range(first, history.minute):
        row = minute % RING
        if ring.start.item(row) == minute:
            last = ring.close.item(row)
        if last and (history.minute - minute) % step == 0:
            yield last
    if history.open is not None:
        yield history.open.close


def _spreads(board: Board, _: int) -> Shown:
    coins: dict[str, dict[str, tuple[int, str, int]]] = {}
    for key in _compared(board):
        exchange, base, quote = pair_of(board, key)
        market = board.markets[key]
        found = market.state.average.newest.price, quote, price_places(board, key)
        coins.setdefault(base, {}).setdefault(exchange, found)
    shared = {base: of for base, of in coins.items() if len(of) > 1}
    exchanges = sorted({exchange for of in shared.values() for exchange in of}, key=_exchange_order)
    rows = [_spread(base, shared[base], exchanges) for base in sorted(shared, key=lambda name: (_rank(name), name))]
    return {"exchanges": exchanges, "rows": rows[:SPREADS], "left_out": max(len(rows) - SPREADS, 0)}


def _spread(base: str, found: dict[str, tuple[int, str, int]], exchanges: list[str]) -> dict[str, Any]:
    """Return a coin's price on each exchange, and how far it is from the one named first."""
    first = next(name for name in exchanges if name in found)
    reference = found[first][0]
    cells: list[dict[str, Any] | None] = []
    for name in exchanges:
        if name not in found:
            cells.append(None)
            continue
        price, quote, places = found[name]
        apart = None if name == first else points(price - reference, reference)
        cells.append({"price": fixed(price, places), "quote": quote, "points": apart})
    return {"base": base, "cells": cells}


def _exchange_order(name: str) -> tuple[bool, str]:
    return name != "binance", name


def _compared(board: Board) -> list[str]:
    """Return the instruments in dollars that have trades, the most usual quote asset first."""
    found = []
    for key, market in board.markets.items():
        quote = pair_of(board, key)[2]
        if quote in DOLLARS and market.state.history.covered_since < NEVER:
            found.append((DOLLARS.index(quote), key))
    return [key for _, key in sorted(found)]


def _is_streamed(board: Board, instrument: str) -> bool:
    settings = board.settings.get(instrument)
    return settings is not None and settings.streaming


def _is_key(text: str) -> bool:
    exchange, _, symbol = text.partition(":")
    return bool(exchange and symbol) and ":" not in symbol
