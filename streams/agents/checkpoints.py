"""States of leaders and books as records: what a replay begins with, so that it need not begin with the first trade."""

import json
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

import msgspec

from schemas import topics
from schemas.journal_records import BOOK, LEADER, Applied, Checkpoint
from schemas.records import Fill, Order
from streams.delivery.batches import Batch
from streams.delivery.incarnations import BeginAnew
from streams.delivery.partition import Context
from streams.trading.book import NOT_JOURNALLED, BookState
from streams.trading.leader import LeaderState

State = LeaderState | BookState
S = TypeVar("S", bound=State)


class Pace(NamedTuple):
    """How often there is a checkpoint."""

    trades: int
    """Of everybody in a partition after so many of its trades, whether anything has happened or not."""
    versions: int
    """Of a leader or a book after so many of its records."""


PACE = Pace(trades=200_000, versions=5_000)


REPLAYED = ("trades", "fills", "orders", "applied")
"""The topics that a replay reads; what came of the others is in the journal."""


def checkpoint_of(state: State, made_anew: str | None = None) -> Checkpoint:
    """Return the state as it is now as a record; `made_anew` names the topic that is another one from now on."""
    return Checkpoint(
        exchange=state.exchange,
        symbol=state.symbol,
        agent=BOOK if isinstance(state, BookState) else LEADER,
        version=version_of(state),
        input_partition=state.partition,
        trades_offset=state.trades_offset,
        layout=LAYOUTS[type(state)],
        state=msgspec.json.encode(at_rest(state)),
        made_anew=made_anew,
    )


def with_checkpoint(begin_anew: BeginAnew[S]) -> BeginAnew[S]:
    """Return what tells a state of a topic made anew and sends a checkpoint where a replay can begin no earlier.

    The offsets of before are in a topic that is gone; one made of them in the new topic would be another story.
    """

    def told(state: S, topic: str, topic_id: str) -> None:
        begin_anew(state, topic, topic_id)
        if topic in (*REPLAYED, topics.CHECKPOINTS.name) and version_of(state) != NOT_JOURNALLED:
            state.outbox.append(checkpoint_of(state, made_anew=topic))

    return told


def keep_versions(context: Context[S], pace: Pace) -> None:
    """Add a checkpoint to what those send who have made so many records since their last."""
    for state in context.touched:
        first = next(iter(state.outbox), None)
        if not isinstance(first, Order | Applied | Fill) or any(isinstance(made, Checkpoint) for made in state.outbox):
            continue
        if (first.version - 1) // pace.versions < version_of(state) // pace.versions:
            state.outbox.append(checkpoint_of(state))


def keep_trades(context: Context[S], batch: Batch, pace: Pace) -> None:
    """Add a checkpoint to what everybody in the partition sends where this batch of trades completes so many."""
    before, last = context.applied(None, context.topic), batch.offsets[-1]
    if (before + 1) // pace.trades == (last + 1) // pace.trades:
        return
    for key in context.everybody():
        state = context.find(key)
        if state is not None:
            begin(state, context.partition, max(last, context.applied(key, context.topic)))
            state.changed = True
            state.outbox.append(checkpoint_of(state))


def begin(state: State, partition: int, trades_offset: int) -> None:
    """Tell a state where it is. A book from before there were journals has one from now on."""
    state.partition, state.trades_offset = partition, trades_offset
    if isinstance(state, BookState) and state.made == NOT_JOURNALLED:
        state.made, state.changed = 0, True
        state.outbox.append(checkpoint_of(state))


def version_of(state: State) -> int:
    """Return the version of the last record that a leader or a book has made."""
    return state.made if isinstance(state, BookState) else state.version


def at_rest(state: S) -> S:
    """Return the state with nothing to store or to send."""
    return msgspec.structs.replace(state, outbox=[], changed=False)


def state_of(checkpoint: Checkpoint, kind: type[S]) -> S | None:
    """Return the state in a checkpoint, `None` where its layout is not the one of today."""
    if checkpoint.layout != LAYOUTS[kind]:
        return None
    return msgspec.json.decode(checkpoint.state, type=kind)


def _without_texts(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _without_texts(value) for name, value in node.items() if name != "description"}
    return [_without_texts(each) for each in node] if isinstance(node, list) else node


def _layout(kind: type[Any]) -> str:
    text = json.dumps(_without_texts(msgspec.json.schema(kind)), sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


LAYOUTS: dict[type[Any], str] = {kind: _layout(kind) for kind in (LeaderState, BookState)}
"""What tells the fields of a state from those that it had, or will have, in another program."""
