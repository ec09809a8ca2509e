"""When leaders and books send their states as records, so that a replay need not begin with the first trade."""

from typing import NamedTuple, TypeVar

from schemas import topics
from schemas.journal_records import Applied, Checkpoint
from schemas.records import Fill, Order
from streams.delivery.batches import Batch
from streams.delivery.incarnations import BeginAnew
from streams.delivery.partition import Context
from streams.trading.book import NOT_JOURNALLED, BookState
from streams.trading.checkpoints import REPLAYED, State, checkpoint_of, version_of

S = TypeVar("S", bound=State)


class Pace(NamedTuple):
    """How often there is a checkpoint."""

    trades: int
    """Of everybody in a partition after so many of its trades, whether anything has happened or not."""
    versions: int
    """Of a leader or a book after so many of its records."""


PACE = Pace(trades=200_000, versions=5_000)


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
