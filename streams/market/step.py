"""The step: trades of one instrument in, candles, alerts and digests out.

Event time only: the newest trade time is the clock. So the same trades in the same order always make the same,
whatever batches they come in; only a candle that is revised several times within a batch is made once.
"""

from streams.market import kernel
from streams.market.alerts import Market, calm_band, judge
from streams.market.averages import add_to_average, begin_second
from streams.market.buckets import NEVER, Bucket, MarketTrade, merge
from streams.market.candles import take_due_candles
from streams.market.digests import due_digest, make_digest
from streams.market.gates import READY
from streams.market.history import add_trade, close_minute, move_window
from streams.market.kernel import SECOND_US
from streams.market.quotes import quotes_of
from streams.market.rules import MINUTE_US, WatchRules
from streams.market.seen import take_id
from streams.market.state import Made, MarketState, Trades, nothing

TIME_END = 253_402_300_800_000_000
"""The year 10,000, which no calendar of ours has."""


def apply_trades(state: MarketState, trades: Trades, rules: WatchRules) -> Made:
    """Apply trades, in rising offsets; those that have been applied are skipped."""
    made = nothing()
    rows = trades.rows
    place, end = int(trades.offset[rows].searchsorted(state.offset, side="right")), len(rows)
    while place < end:
        second = state.average.second
        place = _apply_run(state, rules, trades, place)
        if rules.pair:
            made.quotes.extend(quotes_of(state.instrument, state.average, second, state.average.second, rules))
        if place < end:
            _apply(state, rules, trades.at(place), made)
            place += 1
    made.candles.extend(take_due_candles(state.instrument, state.history))
    return made


def _apply_run(state: MarketState, rules: WatchRules, trades: Trades, first: int) -> int:
    """Apply the trades from a place on that come in order, within the newest minute, at prices of which nobody is told.

    Returns the place of the first other one. These are most of all trades; `_apply` does the same for any trade.
    """
    history, average = state.history, state.average
    bucket = history.open
    if bucket is None:
        return first
    end = (history.minute + 1) * MINUTE_US
    calm = _are_ready(state)
    if calm:
        is_covered = rules.day_range and end - history.covered_since >= rules.coverage
        limits = (history.low, history.high) if is_covered else (0, NEVER)
    else:
        lowest, highest = _calm_band(state, rules)
        limits = min(lowest, NEVER), min(highest, NEVER)
    deviation = rules.deviation if rules.off_average else -1
    place: int = kernel.apply_run(
        average.numbers, average.seconds, state.seen, trades.columns, trades.rows, first, end, calm, limits, deviation
    )
    if place > first:
        state.offset = trades.offset.item(trades.rows.item(place - 1))
        _add_run(state, bucket, average.numbers[kernel.COUNT :].tolist())
    return place


def _add_run(state: MarketState, bucket: Bucket, sums: list[int]) -> None:
    count, volume, money, bought, high, low, last_time, last_id, last_price, repeats = sums
    state.repeats += repeats
    if count:
        ends = last_time, last_id, last_time, last_id
        merge(bucket, Bucket(bucket.start, last_price, high, low, last_price, volume, money, bought, count, *ends))
        state.history.high = max(state.history.high, high)
        state.history.low = min(state.history.low, low)


def _are_ready(state: MarketState) -> bool:
    """Whether each gate is ready: then a price that is off nothing changes none."""
    gates = state.gates
    return gates.average_up.stage == gates.average_down.stage == gates.range_up.stage == gates.range_down.stage == READY


def _apply(state: MarketState, rules: WatchRules, trade: MarketTrade, made: Made) -> None:
    """Apply any trade."""
    history, average = state.history, state.average
    state.offset = trade.offset
    if not 0 <= trade.time < TIME_END:
        state.too_late += 1
        made.too_late.append(trade.offset)
        return
    newest = average.newest.time if history.covered_since < NEVER else -NEVER
    if trade.time // MINUTE_US >= history.start and not take_id(state.seen, trade, newest):
        state.repeats += 1
        return
    _advance_to(state, rules, trade.time, made)
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
    minute, second = time // MINUTE_US, time // SECOND_US
    if rules.pair and second > average.second:
        made.quotes.extend(quotes_of(state.instrument, average, average.second, average.second + 1, rules))
    if minute > history.minute:
        due = due_digest(rules.digest_minutes, history.minute, minute)
        close_minute(history, minute)
        made.candles.extend(take_due_candles(state.instrument, history))
        if due is not None:
            move_window(history, due)
            begin_second(average, due * MINUTE_US // SECOND_US)
            made.digests.extend(make_digest(state.instrument, history, average, due * MINUTE_US, rules.settings_offset))
        move_window(history, minute)
    if second > average.second:
        begin_second(average, second)


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
