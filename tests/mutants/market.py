"""The mutants of the market: what its loop takes, what it counts twice, and what is stored of it in parts."""

from tests.mutants.runner import mutants_of

UNIT = "tests/unit/streams"
MARKET_TESTS = (f"{UNIT}/market", f"{UNIT}/agents/test_market.py", "tests/property/test_market.py")
APART_TESTS = (f"{UNIT}/agents/test_pairs.py", "tests/property/test_apart.py")

KERNEL = mutants_of(
    "streams/market/kernel.py",
    MARKET_TESTS,
    ("a spike passes the loop", "price > high or", "price > high + high // 1000 or"),
    ("a part of the money is left out", "price_part * quantity_whole + ", ""),
    ("sums go beyond 64 bits", "quantity > SUM_MAX - numbers[VOLUME] or", "False or"),
    ("an older trade is taken in order", "elif trade_id <= highest or time < last_time:", "elif trade_id <= highest:"),
    ("a filled hole stays one", "if follows and precedes:", "if False:"),
    (
        "a price is compared with an average of one second more",
        "mean = upper // others *",
        "mean = upper // (others + 1) *",
    ),
)
STEP = mutants_of(
    "streams/market/step.py",
    MARKET_TESTS,
    (
        "new highs are nobody's",
        "limits = (history.low, history.high) if is_covered",
        "limits = (0, NEVER) if is_covered",
    ),
    ("a gate that is shut is taken for ready", "calm = _are_ready(state)", "calm = True"),
    ("a trade of no year ends the worker", "if not 0 <= trade.time < TIME_END:", "if False:"),
)
SEEN = mutants_of(
    "streams/market/seen.py",
    MARKET_TESTS,
    ("a trade that came before counts again", "and kernel.is_seen(seen, trade.trade_id):", "and False:"),
    ("ids that begin anew are old ones", "        seen[:] = NO_ID\n", "        pass\n"),
)
PARTS = mutants_of(
    "streams/market/checkpoint.py",
    MARKET_TESTS,
    ("what a frozen worker stored counts again", "if pack.offset > offset:", "if False:"),
    ("a head does not go before its parts", "for part in (*parts, *head.parts)}", "for part in (*head.parts, *parts)}"),
    (
        "parts that were lost are not stored again",
        "    for part in head.parts:\n        if isinstance",
        "    for part in ():\n        if isinstance",
    ),
)
AGAIN = mutants_of(
    "streams/delivery/keeper.py",
    MARKET_TESTS,
    (
        "parts are not stored again after a frozen worker's",
        "self._codec.change_all(live.state)",
        "live.state.changed = True",
    ),
)
APART = mutants_of(
    "streams/market/apart.py",
    APART_TESTS,
    ("a second that one has not passed is compared", "end = min(line.newest", "end = max(line.newest"),
    ("an old price counts", "> STALE_SECONDS:", "> STALE_SECONDS + 1:"),
    ("a quote that came before counts again", "elif point.second <= line.newest:", "elif point.second < line.newest:"),
    ("the larger threshold asks", "instrument = min(asking)[1]", "instrument = max(asking)[1]"),
    (
        "who asks for nothing asks",
        "for name, point in points.items() if point.apart]",
        "for name, point in points.items()]",
    ),
    ("seconds are compared again", "start = state.decided.get(known, -1)", "start = -1"),
)
APART_STORED = mutants_of(
    "streams/market/apart_parts.py",
    (*APART_TESTS, f"{UNIT}/market/test_apart_parts.py"),
    ("what is ahead of the head counts", "if point.time <= newest:", "if True:"),
    ("a minute is stored from its middle", "for number in range(first,", "for number in range(first + 1,"),
)
QUOTES = mutants_of(
    "streams/market/step.py",
    MARKET_TESTS,
    ("the last price before a pause is nobody's", "if rules.pair and second > average.second:", "if False:"),
    ("seconds within a run are nobody's", "        if rules.pair:\n", "        if False:\n"),
)
MARKET = (*KERNEL, *STEP, *SEEN, *PARTS, *AGAIN, *APART, *APART_STORED, *QUOTES)
