"""Refolds the recorded inputs of live leaders in their recorded interleaving: the same core, the same records.

The journal says after which trade each fill and each change of instrument or settings was taken, so the inputs have
one order.
Everything here is pure; `streams.audit.audit` reads the topics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np

from schemas.columns import Int64s
from schemas.errors import Refused
from schemas.journal_records import BOOK, LEADER, Applied, Checkpoint
from schemas.records import Decided, Fill, Instrument, Order, Record, Settings
from schemas.upgrade import instrument_in
from streams.audit.books import RecordedBook
from streams.audit.differences import Difference, by_version, compare_records, counting, in_order
from streams.trading import leader
from streams.trading.book import Tape
from streams.trading.checkpoints import REPLAYED
from streams.trading.leader import LeaderState
from streams.trading.ruleset import OLDEST, TODAY


class Trades(NamedTuple):
    """The recorded trades of one instrument, by offset."""

    offsets: Int64s
    prices: Int64s
    times: Int64s
    ids: Int64s


NO_TRADES = Trades(*(np.zeros(0, np.int64) for _ in Trades._fields))


@dataclass
class Recorded:
    """Everything recorded of one instrument. Lists are in topic order, repeats included."""

    instrument: str
    partition: int
    trades: Trades
    orders: list[Order] = field(default_factory=list)
    journal: list[Applied] = field(default_factory=list)
    fills: Mapping[int, Fill] = field(default_factory=dict)
    """By offset."""
    checkpoints: Mapping[int, Checkpoint] = field(default_factory=dict)
    """By offset."""
    begin: LeaderState | None = None
    """The leader before all this; `None` where it had seen nothing."""
    anew: str | None = None
    """The topic that was made anew just before, where `begin` is as early as a replay can begin for that."""
    superseded: int = 0
    """How many orders, journal entries and fills were left out, since one of a higher epoch came before them."""
    book: RecordedBook | None = None
    """The exchange's side of it."""


D = TypeVar("D", bound=Decided)
Found = Mapping[type[Record], list[tuple[int, Any]]]
"""Offsets and records of one instrument by their type, in the order of the partition."""


Epochs = dict[str, int]
"""The highest epoch of some records, by `epoch_name`."""


def epoch_name(kind: type[Record], agent: str, instrument: str) -> str:
    """Return what tells records that have their epochs in common: one agent's of one kind about one instrument."""
    return f"{kind.__name__} {agent} {instrument}"


def owner_of(record: Record) -> str:
    """Return the agent that has made a record."""
    if isinstance(record, Applied | Checkpoint):
        return record.agent
    return LEADER if isinstance(record, Order) else BOOK


def gathered(
    instrument: str, partition: int, tape: Tape, found: Found, epochs: Mapping[str, int] | None = None
) -> Recorded:
    """Return what was recorded of an instrument, without what is superseded; `epochs` are those of what came before."""

    def counted(kind: type[D], agent: str) -> dict[int, D]:
        ours = [(offset, record) for offset, record in found.get(kind, []) if owner_of(record) == agent]
        return counting(ours, (epochs or {}).get(epoch_name(kind, agent, instrument), 0))

    orders, fills = counted(Order, LEADER), counted(Fill, BOOK)
    journals = {agent: counted(Applied, agent) for agent in (LEADER, BOOK)}
    checkpoints = {agent: counted(Checkpoint, agent) for agent in (LEADER, BOOK)}
    kept = len(orders) + len(fills) + sum(map(len, journals.values())) + sum(map(len, checkpoints.values()))
    return Recorded(
        instrument=instrument,
        partition=partition,
        trades=trades_of(tape),
        orders=list(orders.values()),
        journal=list(journals[LEADER].values()),
        fills=fills,
        checkpoints=checkpoints[LEADER],
        superseded=sum(map(len, found.values())) - kept,
        book=RecordedBook(
            instrument=instrument,
            orders=orders,
            journal=list(journals[BOOK].values()),
            fills=list(fills.values()),
            checkpoints=checkpoints[BOOK],
        ),
    )


def refold(recorded: Recorded) -> list[Record]:
    """Return the orders and journal entries that the recorded inputs give, in the order of their versions.

    An input that is lost, or that the refolded leader refuses, gives none: `compare` then misses its journal entry.
    """
    state = beginning(recorded)
    for entry in interleaving(recorded):
        take_trades(state, recorded.trades, until=entry.trades_offset)
        take_entry(state, recorded, entry)
    take_trades(state, recorded.trades, until=None)
    return state.outbox


def beginning(recorded: Recorded) -> LeaderState:
    """Return the leader before all that is recorded here, to be changed."""
    if recorded.begin is None:
        return leader.new_state(recorded.instrument, recorded.partition, rules_at_first(interleaving(recorded)))
    return msgspec.json.decode(msgspec.json.encode(recorded.begin), type=LeaderState)


def rules_at_first(entries: Sequence[Applied]) -> int:
    """Return the rules by which a leader that had seen nothing decided, as the first entry of its journal says."""
    first = entries[0] if entries and entries[0].version == 1 else None
    return (first.ruleset if first else None) or OLDEST


def compare(recorded: Recorded) -> list[Difference]:
    """Return where the refold and the record differ, and where a record was repeated with another content."""
    both: list[Order | Applied] = [*recorded.orders, *recorded.journal]
    return compare_records(recorded.instrument, LEADER, both, by_version(refold(recorded)))


def interleaving(recorded: Recorded) -> list[Applied]:
    """Return the journal in the order of its versions, each once: an entry may be sent twice."""
    return in_order(recorded.journal)


def trades_of(tape: Tape) -> Trades:
    """Return what a leader looks at of the trades."""
    return Trades(tape.offsets, tape.prices, tape.times, tape.ids)


def made_anew(recorded: Recorded) -> str | None:
    """Return which of the topics that a replay needs was made anew last, `None` where none was.

    What the topic had before is gone, and offsets name other records now: none of it can be replayed.
    """
    anew = [entry.input_topic for entry in interleaving(recorded) if entry.topic_id is not None]
    return next((topic for topic in reversed(anew) if topic in REPLAYED), None)


def take_trades(state: LeaderState, trades: Trades, until: int | None) -> None:
    """Let the leader take the recorded trades after its position, up to the offset `until` or to the last one."""
    start = int(np.searchsorted(trades.offsets, state.trades_offset, side="right"))
    end = len(trades.offsets) if until is None else int(np.searchsorted(trades.offsets, until, side="right"))
    leader.apply_trades(state, *(column[start:end] for column in trades))
    if until is not None:
        state.trades_offset = until


def take_entry(state: LeaderState, recorded: Recorded, entry: Applied) -> bool:
    """Let the leader take the input of a journal entry; `False` where it is lost, or refused."""
    try:
        if entry.instrument_taken is not None:
            instrument = msgspec.json.decode(entry.instrument_taken, type=Instrument)
            leader.apply_instrument(state, entry.input_offset, instrument)
        elif entry.settings is not None:
            _take_settings(state, entry.input_offset, entry.settings)
        elif entry.incarnation is not None:
            leader.take_incarnation(state, entry.incarnation)
        elif entry.ruleset == TODAY and entry.input_offset == -1 and entry.input_topic == "orders":
            leader.take_rules(state)
        elif entry.topic_id is not None:
            leader.begin_anew(state, entry.input_topic, entry.topic_id)
        else:
            leader.apply_fill(state, entry.input_offset, recorded.fills[entry.input_offset])
    except (KeyError, Refused, msgspec.MsgspecError):
        return False
    return True


def _take_settings(state: LeaderState, offset: int, text: str) -> None:
    """Apply settings from the journal; those from before instruments had a topic hold their instrument, too."""
    settings, whole = msgspec.json.decode(text, type=Settings), msgspec.json.decode(text)
    instrument = instrument_in(whole)
    if instrument is None:
        return leader.apply_settings(state, offset, settings)
    state.instrument = instrument
    entry = len(state.outbox)
    leader.apply_settings(state, offset, settings)
    state.outbox[entry] = msgspec.structs.replace(state.outbox[entry], settings=text)
