"""The step: trades of one instrument in, candles, alerts and digests out.

Event time only: the newest trade time is the clock. So the same trades in the same order always make the same,
whatever batches they come in; only a candle that is revised several times within a batch is made once.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from schemas.units import ONE
from streams.market.alerts import Market, calm_band, judge
from streams.market.averages import SECOND_US, Last, add_to_average, begin_second, extend_second
from streams.market.buckets import Bucket, MarketTrade, merge
from streams.market.candles import take_due_candles
from streams.market.digests import due_digest, make_digest
from streams.market.history import add_trade, close_minute, move_window
from streams.market.rules import MINUTE_US, WatchRules
from streams.market.state import Made, MarketState, TradeColumns

Row = tuple[Any, ...]
"""The values of `MarketTrade`."""
TIME = MarketTrade._fields.index("time")


def apply_trades(state: MarketState, columns: TradeColumns, rules: WatchRules) -> Made:
    """Apply trades, in rising offsets; those that have been applied are skipped."""
    made = Made([], [], [], [])
    rows = _rows(columns, state.offset)
    row = next(rows, None)
    while row is not None:
        _advance_to(state, rules, row[TIME], made)
        row = _apply_run(state, rules, row, rows)
        if row is not None and row[TIME] < _end(state):
            _apply(state, rules, MarketTrade(*row), made)
            row = next(rows, None)
    made.candles.extend(take_due_candles(state.instrument, state.history))
    return made


def _rows(columns: TradeColumns, applied: int) -> Iterator[Row]:
    """The rows of the columns as Python integers, from the first offset above `applied` on."""
    lists = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns]
    if lists[0] and lists[0][0] <= applied:
        skipped = sum(offset <= applied for offset in lists[0])
        lists = [column[skipped:] for column in lists]
    return zip(*lists, strict=True)


def _apply_run(state: MarketState, rules: WatchRules, row: Row | None, rows: Iterator[Row]) -> Row | None:
    """Apply trades that come in order, within the newest second, at prices of which nobody is told.

    Returns the first other one. These are most of all trades, so this is the loop that has to be fast; `_apply` does
    the same for any trade.
    """
    bucket = state.history.open
    if bucket is None:
        return row
    lowest, highest = _calm_band(state, rules)
    end = _end(state)
    high, low, last_price = bucket.high, bucket.low, bucket.close
    last_time, last_id, last_offset = bucket.last_time, bucket.last_trade_id, state.offset
    count = volume = money = bought = 0
    while row is not None:
        offset, price, quantity, trade_id, time, buyer_is_maker = row
        in_order = last_time <= time < end and (trade_id > last_id or time > last_time)
        if not (in_order and lowest <= price <= highest):
            break
        count += 1
        volume += quantity
        money += price * quantity // ONE
        if not buyer_is_maker:
            bought += quantity
        if price > high:
            high = price
        elif price < low:
            low = price
        last_price, last_time, last_id, last_offset = price, time, trade_id, offset
        row = next(rows, None)
    if count:
        ends = last_time, last_id, last_time, last_id
        merge(bucket, Bucket(bucket.start, last_price, high, low, last_price, volume, money, bought, count, *ends))
        extend_second(state.average, Last(last_time, last_id, last_price), count)
        state.offset = last_offset
    return row


def _apply(state: MarketState, rules: WatchRules, trade: MarketTrade, made: Made) -> None:
    """Apply any trade that is not newer than the newest second."""
    history, average = state.history, state.average
    state.offset = trade.offset
    low, high = history.low, history.high
    if not add_trade(history, trade):
        state.too_late += 1
        made.too_late.append(trade.offset)
        return
    add_to_average(average, trade)
    now = average.newest.time
    is_recent = trade.time // SECOND_US >= average.start
    is_covered = high > 0 and now - history.covered_since >= rules.coverage
    market = Market(now, average.total, average.known if is_recent else 0, low, high, is_covered)
    made.alerts.extend(judge(state.instrument, state.gates, rules, market, trade))


def _advance_to(state: MarketState, rules: WatchRules, time: int, made: Made) -> None:
    """Let the market be as of `time`, if that is later than all before: what is over is closed, what is due is made."""
    history, average = state.history, state.average
    minute = time // MINUTE_US
    if minute > history.minute:
        due = due_digest(rules.digest_minutes, history.minute, minute)
        close_minute(history, minute)
        made.candles.extend(take_due_candles(state.instrument, history))
        if due is not None:
            move_window(history, due)
            begin_second(average, due * MINUTE_US // SECOND_US)
            made.digests.extend(make_digest(state.instrument, history, average, due * MINUTE_US, rules.settings_offset))
        move_window(history, minute)
    if time // SECOND_US > average.second:
        begin_second(average, time // SECOND_US)


def _calm_band(state: MarketState, rules: WatchRules) -> tuple[int, int]:
    """The lowest and the highest price of which nobody has to be told in the newest second."""
    history, average = state.history, state.average
    until = _end(state)
    others = average.total - average.newest.price
    is_covered = until - history.covered_since >= rules.coverage
    market = Market(until, others, average.known, history.low, history.high, is_covered)
    return calm_band(state.gates, rules, market, until)


def _end(state: MarketState) -> int:
    """The end of the newest second."""
    return (state.average.second + 1) * SECOND_US
