"""The mutants of limits, of a halt, and of what the exchange's book does when trading stops."""

from tests.mutants.runner import mutants_of

UNIT = "tests/unit/streams"
LIMITS = (f"{UNIT}/trading/test_limits.py",)
BOOK = (f"{UNIT}/trading/test_book.py",)

SAFETY = (
    *mutants_of(
        "streams/trading/strategy.py",
        LIMITS,
        (
            "a limit keeps what is held from being sold",
            "forbids == ALLOWED and stage == BUYING:",
            "forbids == ALLOWED:",
        ),
        (
            "a SELL is no order of the minute",
            "if allowed and rules.minute_limit",
            "if stage == BUYING and rules.minute_limit",
        ),
        ("a minute goes on for ever", "if now // MINUTE_US <= leader.head[MINUTE] else 0", "if True else 0"),
        ("a day's loss is that of all days", "if now // DAY_US <= leader.head[DAY] else 0", "if True else 0"),
        (
            "a loss is counted without fees",
            "- leader.price[i] * (rules.fee_den - rules.fee_num)",
            "- leader.price[i] * rules.fee_den",
        ),
    ),
    *mutants_of(
        "streams/backtest/engine/data.py",
        LIMITS,
        ("timed limits go without times", "if flow is None and any(map(is_timed, rules)):", "if False:"),
    ),
    *mutants_of(
        "streams/trading/ruleset.py",
        LIMITS,
        ("a journal of before is told otherwise", "if value or name not in LATER}", "if True}"),
    ),
    *mutants_of(
        "streams/trading/book.py",
        BOOK,
        (
            "orders outlive a stop",
            "void = [order for order in book.orders if order.settings_offset < offset]",
            "void = []",
        ),
        ("an order from before a stop rests", "if order.settings_offset < book.stopped:", "if False:"),
        ("an old stop ends new orders", "if order.settings_offset < offset]", "if True]"),
    ),
    *mutants_of(
        "producers/halting.py",
        ("tests/unit/producers/test_halting.py",),
        (
            "a halt is told as done before it holds",
            "        if not running:\n            return halted\n",
            "        if halted or not running:\n            return halted\n",
        ),
        ("what is shut down is not halted", "is not TradingStatus.OFF and", "is TradingStatus.ON and"),
    ),
)
