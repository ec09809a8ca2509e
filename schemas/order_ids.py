"""Client order ids: `INCARNATION-INSTRUMENT-TRADER-SIDE`, such as `k3f7qa-m2c7x5b4tqwd-12-B`.

Exchanges take 36 characters of A-Z a-z 0-9 - _ at most, and a symbol may have any. So the instrument stands in it by a
code, and with an incarnation of six characters 14 digits are left for the number of the trader and of its SELL.

The incarnation tells apart what an emptied broker numbers anew: it follows from the ids of topics that are made anew
with it. Orders from before there were incarnations are named `exchange:SYMBOL:TRADER:SIDE`.
"""

import re
from base64 import b32encode
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

INCARNATION_LENGTH = 6
CODE_LENGTH = 12
"""60 bits: that two of 10,000 instruments have the same code has a probability of 4e-11. Whoever looks an order up by
its id alone has to know that it may; orders are kept by instrument and id."""
SIDE = re.compile("B|S([2-9]|[1-9][0-9]+)?")


class OrderId(NamedTuple):
    """What a client order id says. `instrument` is a code, or `exchange:SYMBOL` where there is no `incarnation`."""

    incarnation: str
    instrument: str
    trader: int
    side: str
    """`B` or `S`: a trader buys once and sells once; `S2` is what follows a SELL that was refused."""

    def is_of(self, instrument: str) -> bool:
        """Return whether the order may be one of `exchange:SYMBOL`."""
        return self.instrument == (code_of(instrument) if self.incarnation else instrument)


def incarnation_of(*topic_ids: str) -> str:
    """Return the name of an incarnation of some topics, by the ids that the broker has given them."""
    return _hashed(" ".join(topic_ids), INCARNATION_LENGTH)


@lru_cache(maxsize=16_384)
def code_of(instrument: str) -> str:
    """Return how `exchange:SYMBOL` stands in client order ids."""
    return _hashed(instrument, CODE_LENGTH)


def client_order_id(incarnation: str, instrument: str, trader: int, side: str, attempt: int = 1) -> str:
    """Return the id of a trader's order; `side` is `B`, `S`, or with the number of the attempt in it, `S2`."""
    if attempt > 1:
        side = f"{side}{attempt}"
    if not incarnation:
        return f"{instrument}:{trader}:{side}"
    return f"{incarnation}-{code_of(instrument)}-{trader}-{side}"


def side_of(text: str) -> str:
    """Return the side in a client order id, with the number of the attempt; empty for what is none of ours."""
    named = read_id(text)
    return named.side if named else ""


def orders_of(text: str, attempts: int) -> list[str]:
    """Return the ids of a trader's BUY and of its SELLs up to that attempt, of the id of any of them."""
    head = text[: len(text) - len(side_of(text))]
    return [f"{head}B", f"{head}S", *(f"{head}S{attempt}" for attempt in range(2, attempts + 1))]


def attempt_of(text: str) -> int:
    """Return the number of the attempt of which a client order id is, 1 for the first."""
    return int(side_of(text)[1:] or 1)


def read_id(text: str) -> OrderId | None:
    """Return what a client order id says; `None` for what is none of ours."""
    incarnation = ""
    instrument, number, side = _last(text, ":")
    named = bool(instrument)
    if not named:
        head, number, side = _last(text, "-")
        incarnation, _, instrument = head.partition("-")
        named = bool(incarnation and instrument)
    known = named and number.isascii() and number.isdigit() and SIDE.fullmatch(side)
    return OrderId(incarnation, instrument, int(number), side) if known else None


def _last(text: str, separator: str) -> tuple[str, str, str]:
    """Return what comes before the last two parts of a text, and these."""
    head, _, side = text.rpartition(separator)
    head, _, number = head.rpartition(separator)
    return head, number, side


def _hashed(text: str, length: int) -> str:
    return b32encode(sha256(text.encode()).digest()).decode().lower()[:length]
