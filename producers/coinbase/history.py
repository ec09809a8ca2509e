"""Coinbase Exchange's trades of the past: what is asked of its REST server, and what it answers. No socket, no clock.

Source: Coinbase Exchange documentation, "Get product trades", "Pagination", "Rate limits", mid 2026: `after` gives ids
below it, newest first, 1,000 at most; ten requests a second and address. `before` does not give the page above an id
but the newest one, so it is of no use here. Answers may come from a cache that is some seconds behind.
"""

from urllib.parse import quote

from producers.adapter import Hole, Newest, Page
from producers.coinbase.protocol import Match, trade_of
from producers.rest import Budget
from producers.rows import rows_of, trades_in
from schemas.times import micros_of

BUDGET = Budget(weight=8, seconds=1, burst=8)
"""Less than the limit: commands of people ask the same server."""
TRADES_MAX = 1_000


def trades_path(product: str) -> str:
    """Return the path of the trades of a product."""
    return f"/products/{quote(product)}/trades"


def highest(hole: Hole) -> int:
    """Return the highest id that a page of the first trades of a hole may hold: that at its end, if it is in reach."""
    return min(hole.after_id + TRADES_MAX, hole.before_id)


def page_params(hole: Hole) -> dict[str, str | int]:
    """Return what asks for the first trades of a hole: ids rise by one, so it is known where a page has to end."""
    return {"after": highest(hole) + 1, "limit": TRADES_MAX}


def parse_page(raw: bytes, hole: Hole) -> Page:
    """Return the page in an answer. Raises `HistoryUnavailable` for what is none."""
    what = trades_path(hole.symbol)
    found, no_row = rows_of(raw, Match, what)
    rows = sorted(found, key=lambda row: row.trade_id)
    within = [row for row in rows if hole.after_id < row.trade_id < hole.before_id]
    trades, no_trade = trades_in(within, lambda row: trade_of(row, hole.symbol, micros_of(row.time)), what)
    # An id above those that are told may be missing in the cache only.
    reached = min(rows[-1].trade_id, hole.before_id - 1) if rows else hole.after_id
    return Page(trades, max(reached, hole.after_id), no_row or no_trade)


def parse_newest(raw: bytes, product: str) -> Newest:
    """Return the newest trade in an answer. Raises `HistoryUnavailable` for what is none."""
    rows, _ = rows_of(raw, Match, trades_path(product))
    return Newest(product, rows[0].trade_id, micros_of(rows[0].time)) if rows else Newest(product, None)
