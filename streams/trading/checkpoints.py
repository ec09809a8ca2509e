"""The states of leaders and books as records, from which a replay can begin."""

from hashlib import sha256
from json import dumps
from typing import Any, TypeVar

import msgspec

from schemas.journal_records import BOOK, LEADER, Checkpoint
from streams.trading.book import BookState
from streams.trading.leader import LeaderState

State = LeaderState | BookState
S = TypeVar("S", bound=State)

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
    text = dumps(_without_texts(msgspec.json.schema(kind)), sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


LAYOUTS: dict[type[Any], str] = {kind: _layout(kind) for kind in (LeaderState, BookState)}
"""What tells the fields of a state from those that it had, or will have, in another program."""
