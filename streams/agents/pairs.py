"""The pairs agent: quotes in, keyed by the pair; alerts of exchanges apart out."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas import topics
from schemas.codec import Codec
from schemas.errors import Refused
from schemas.market_records import Quote
from schemas.records import Record
from schemas.topics import Topic
from streams.agents.agent import Agent, Environment
from streams.agents.market import alert_record
from streams.delivery.batches import Batch
from streams.delivery.checkpoint import Checkpoint
from streams.delivery.keeper import Step
from streams.delivery.partition import Context
from streams.delivery.states import HEAD, Split
from streams.market import quotes
from streams.market.apart import INSTRUMENTS_MAX, Pair, has_room, show_quote
from streams.market.apart_parts import (
    BLOCK_NAMES,
    PairHead,
    PointBlock,
    block_name,
    rebuild_pair,
    take_blocks,
    take_head,
)


class Compared(msgspec.Struct):
    """One pair, and what it made that nobody has taken yet."""

    pair: Pair
    stored: dict[str, int] = {}
    """By instrument, the time up to which its points have been stored."""
    changed: bool = False
    outbox: list[Record] = []


class PairSteps:
    """What the pairs agent does with a batch of quotes."""

    def __init__(self, codec: Codec[Quote]) -> None:
        self._codec = codec

    def on_quotes(self, context: Context[Compared], batch: Batch) -> None:
        context.each(lambda record: self._on_quote(context, record))

    def _on_quote(self, context: Context[Compared], record: Any) -> None:
        quote = self._codec.decode(record.value)
        if record.key != quote.pair.encode():
            raise Refused(f"key: {record.key!r} is not {quote.pair}")
        state = context.find(record.key) or context.add(record.key, Compared(Pair(quote.pair)))
        if not has_room(state.pair, quote.instrument):
            raise Refused(f"pair: {quote.pair} is that of {INSTRUMENTS_MAX} other instruments, which is the most")
        fields = {name: getattr(quote, name) for name in quotes.Quote._fields}
        state.outbox += [alert_record(alert) for alert in show_quote(state.pair, quotes.Quote(**fields))]
        state.changed = True


def _make_steps(environment: Environment) -> Mapping[Topic, Step[Compared]]:
    return {topics.QUOTES: PairSteps(environment.codecs[Quote]).on_quotes}


def _take(state: Compared) -> Iterator[tuple[str, PairHead | PointBlock]]:
    """The blocks that have grown, and then the head, which says how much of them counts."""
    head = take_head(state.pair)
    yield from ((block_name(block), block) for block in take_blocks(state.pair, state.stored))
    yield HEAD, head
    state.stored = head.newest


def _rebuild(head: PairHead, blocks: list[PointBlock]) -> Compared:
    return Compared(rebuild_pair(head, blocks), head.newest)


def _change_all(state: Compared) -> None:
    state.stored = {}


PAIRS = Agent(
    name="pairs",
    table=topics.PAIRS_TABLE,
    state=Compared,
    inputs=(topics.QUOTES,),
    make_steps=_make_steps,
    storing=Checkpoint(),
    outputs=(topics.ALERTS,),
    split=Split(PairHead, PointBlock, BLOCK_NAMES, _take, _rebuild, _change_all),
)
