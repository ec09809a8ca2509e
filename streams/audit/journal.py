"""Refolds the recorded inputs of live leaders in their recorded interleaving: the same core, the same records.

The journal says after which trade each fill and each change of instrument or settings was taken, so the inputs have
one order.
Everything here is pure; `streams.audit.audit` reads the topics.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from schemas.columns import Int64s
from schemas.errors import Refused
from schemas.records import Applied, Decided, Fill, Instrument, Order, Record, Settings
from schemas.upgrade import instrument_in
from streams.trading import leader
from streams.trading.leader import LeaderState

D = TypeVar("D", bound=Decided)


class Trades(NamedTuple):
    """The recorded trades of one instrument, by offset."""

    offsets: Int64s
    prices: Int64s
    times: Int64s
    ids: Int64s


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
    superseded: int = 0
    """How many orders, journal entries and fills were left out, since one of a higher epoch came before them."""


@dataclass(frozen=True)
class Difference:
    """One version of an instrument's records that is not what the refold gives; `None` where there is none."""

    instrument: str
    version: int
    recorded: Record | None
    refolded: Record | None


def counting(found: Iterable[tuple[int, D]]) -> dict[int, D]:
    """Return the records of one topic that count, by offset: without those of a lower epoch than one before them.

    `found` are offsets and records of one instrument in the order of its partition. Every reader drops the same.
    """
    counted, epoch = {}, 0
    for offset, record in found:
        if record.epoch >= epoch:
            counted[offset], epoch = record, record.epoch
    return counted


def refold(recorded: Recorded) -> list[Record]:
    """Return the orders and journal entries that the recorded inputs give, in the order of their versions.

    An input that is lost, or that the refolded leader refuses, gives none: `compare` then misses its journal entry.
    """
    state = leader.new_state(recorded.instrument, recorded.partition)
    for entry in interleaving(recorded):
        take_trades(state, recorded.trades, until=entry.trades_offset)
        take_entry(state, recorded, entry)
    take_trades(state, recorded.trades, until=None)
    return state.outbox


def compare(recorded: Recorded) -> list[Difference]:
    """Return where the refold and the record differ, and where a record was repeated with another content.

    Epochs are left out: who decided something is not what was decided.
    """
    refolded: dict[int, Record] = {_version(record): record for record in refold(recorded)}
    found: dict[int, Record] = {}
    differences = []
    both: list[Order | Applied] = [*recorded.orders, *recorded.journal]
    for record in map(_without_epoch, both):
        if found.setdefault(_version(record), record) != record:
            differences.append(Difference(recorded.instrument, _version(record), record, found[_version(record)]))
    for version in sorted(refolded.keys() | found.keys()):
        if refolded.get(version) != found.get(version):
            pair = found.get(version), refolded.get(version)
            differences.append(Difference(recorded.instrument, version, *pair))
    return differences


def interleaving(recorded: Recorded) -> list[Applied]:
    """Return the journal in the order of its versions, each once: an entry may be sent twice."""
    unique: dict[int, Applied] = {}
    for entry in recorded.journal:
        unique.setdefault(entry.version, entry)
    return [unique[version] for version in sorted(unique)]


def made_anew(recorded: Recorded) -> str | None:
    """Return which of the topics that a replay needs was made anew last, `None` where none was.

    What the topic had before is gone, and offsets name other records now: none of it can be replayed.
    """
    anew = [entry.input_topic for entry in interleaving(recorded) if entry.topic_id is not None]
    return next((topic for topic in reversed(anew) if topic in ("trades", "fills", "orders", "applied")), None)


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


def _without_epoch(record: Order | Applied) -> Order | Applied:
    return msgspec.structs.replace(record, epoch=0) if record.epoch else record


def _version(record: Record) -> int:
    assert isinstance(record, Order | Applied)
    return record.version
