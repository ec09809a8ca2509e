"""What every field of a record is held to, so that whatever is written can be read, stored and sent on.

Postgres takes no NUL in a text and keeps an index only of short ones, Avro writes no half of a surrogate pair, both
have integers of 64 bits. A field means the same in every record, so there is one line for each name; what a record asks
beyond that stands with the record.
"""

import re
from functools import cache
from typing import Any, NamedTuple

from schemas.errors import Refused
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX, in_range

LONG_MAX = 2**63 - 1
INT_MAX = 2**31 - 1
DAY_SECONDS = 86_400
DAY_MINUTES = 1_440
COUNT_MAX = 2**53
"""Of what is counted up from a value that came in: it never reaches what a long holds."""
FIRST_MARKET_TIME = 1_230_768_000_000_000
"""2009 begins: there was no market before."""
LAST_TIME = 4_102_444_799_999_999
"""2099 ends: a time in another unit than microseconds is taken for one that is later."""
EXCHANGE_CHARACTERS = 40
SYMBOL_CHARACTERS = 100
SHOWN = 80
"""Characters of a value that a message shows."""


class Whole(NamedTuple):
    """A whole number from `low` to `high`, or `None`; a message shows it in units of `scale`."""

    low: int
    high: int
    scale: int = 1


class Text(NamedTuple):
    """A text of `shortest` to `longest` characters that can be stored, or `None`; a name can be a part of a key."""

    longest: int
    shortest: int = 0
    name: bool = False


_NO_NAME = re.compile("[\x00-\x1f\x7f:\ud800-\udfff]")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")

_LONG = Whole(0, LONG_MAX)
_OFFSET = Whole(-1, LONG_MAX)
_COUNT = Whole(0, COUNT_MAX)
_TIME = Whole(0, LAST_TIME)
_MARKET_TIME = Whole(FIRST_MARKET_TIME, LAST_TIME)
_TOPIC = Text(249, shortest=1)  # as long as Kafka has it
_WORD = Text(40)

FIELDS: dict[str, Whole | Text | None] = {
    "exchange": Text(EXCHANGE_CHARACTERS, shortest=1, name=True),
    "symbol": Text(SYMBOL_CHARACTERS, shortest=1, name=True),
    **dict.fromkeys(("min_price", "max_price"), Whole(0, PRICE_MAX, ONE)),
    **{f"{side}_multiplier_{end}": Whole(0, PRICE_MAX, ONE) for side in ("bid", "ask") for end in ("up", "down")},
    **dict.fromkeys(("min_quantity", "max_quantity", "min_notional"), Whole(0, AMOUNT_MAX, ONE)),
    **dict.fromkeys(("max_notional", "max_position"), Whole(0, AMOUNT_MAX, ONE)),
    "commission": Whole(-AMOUNT_MAX, AMOUNT_MAX, ONE),  # a rebate is negative
    **dict.fromkeys(("trade_time", "event_time"), _MARKET_TIME),
    **dict.fromkeys(("received_time", "created_time", "updated_time", "transaction_time", "time", "until"), _TIME),
    **dict.fromkeys(("before_time", "after_time", "opened_time"), _TIME),
    **dict.fromkeys(("first_id", "last_id", "missing", "filled_count"), _LONG),
    **dict.fromkeys(("trade_id", "buyer_order_id", "seller_order_id", "trader"), _LONG),
    **dict.fromkeys(("epoch", "version", "revision"), _COUNT),
    **dict.fromkeys(("trades_offset", "fills_offset", "settings_offset", "instruments_offset", "offset"), _OFFSET),
    "input_offset": _OFFSET,  # -1 where it is the topic itself that was taken
    "interval": Whole(1, DAY_MINUTES),
    **dict.fromkeys(("open_time", "covered_since"), _TIME),
    "trades": Whole(1, COUNT_MAX),
    "held_back": _COUNT,
    "ruleset": Whole(1, 1_000),
    **dict.fromkeys(("first_trade_id", "last_trade_id"), _LONG),
    "alert_id": Text(250, shortest=1),
    "pair": Text(40),
    "other": Text(250, shortest=3),
    **dict.fromkeys(("kind", "direction"), Text(40, shortest=1)),
    **dict.fromkeys(("cooldown", "coverage", "silence"), Whole(0, DAY_SECONDS)),
    "digest_minutes": Whole(0, DAY_MINUTES),
    "kinds": Text(400),
    "input_partition": Whole(0, INT_MAX),
    "partition": Whole(-1, INT_MAX),
    "client_order_id": Text(200, shortest=1),
    "source": Text(200),
    "fill_id": Text(224, shortest=1),  # an order's id and the number of the report about it
    **dict.fromkeys(("topic", "input_topic", "cause_topic"), _TOPIC),
    **dict.fromkeys(("time_in_force", "exchange_status", "base_asset", "quote_asset", "agent", "layout"), _WORD),
    **dict.fromkeys(("incarnation", "topic_id", "made_anew"), _WORD),
    **dict.fromkeys(("reason", "error", "changed"), Text(4_000)),
    **dict.fromkeys(("settings", "instrument_taken", "terms"), Text(64_000)),
    # Their types say all, or the record itself does.
    **dict.fromkeys(("watched", "deviation", "apart")),
    **dict.fromkeys(("side", "status", "execution_type", "buyer_is_maker", "filled", "cancel_requested", "streaming")),
    **dict.fromkeys(("notional_limit", "orders_limit", "minute_limit", "loss_limit", "halted")),
    **dict.fromkeys(("chunks", "budget", "buy_down_interval", "profit_interval", "rebuy_interval", "fee")),
    **dict.fromkeys(("price", "tick_size", "quantity", "step_size")),
    **dict.fromkeys(("executed_quantity", "cumulative_quantity", "order_quantity")),
    **dict.fromkeys(("key", "value", "state")),
    **dict.fromkeys(("open", "high", "low", "close", "average", "reference", "threshold", "trades_per_second")),
    **dict.fromkeys(("volume", "quote_volume", "taker_buy_volume", "complete", "closed")),
}
"""What each field of any record is."""


def check_fields(record: Any) -> None:
    """Raise `Refused` that names the first field which is not what `FIELDS` says, and its value."""
    wholes, texts = _checked(record.__class__)
    for field, low, high, scale in wholes:
        value = getattr(record, field)
        if value is not None and not low <= value <= high:
            in_range(field, value, low, high, scale)
    for field, longest, shortest, name in texts:
        value = getattr(record, field)
        if value is not None and not (shortest <= len(value) <= longest and _is_storable(value, name)):
            wanted = f"{shortest} to {longest} characters" + (" without a colon or control character" if name else "")
            shown = ascii(value[:SHOWN]) + ("…" if len(value) > SHOWN else "")
            raise Refused(f"{field}: {shown}, {len(value)} characters, is not {wanted} that can be stored")


@cache
def _checked(kind: Any) -> tuple[list[tuple[str, int, int, int]], list[tuple[str, int, int, bool]]]:
    """Return the fields of a kind of record that are looked at here, with what each is."""
    fields = [(field, FIELDS[field]) for field in kind.__struct_fields__]
    wholes = [(field, *what) for field, what in fields if isinstance(what, Whole)]
    return wholes, [(field, *what) for field, what in fields if isinstance(what, Text)]


def _is_storable(value: str, name: bool) -> bool:
    if value.isascii() and value.isprintable():  # nearly every one; the expressions take five times as long
        return not name or ":" not in value
    return not (_NO_NAME if name else _NO_TEXT).search(value)
