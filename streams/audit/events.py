"""The inputs of a leader as they were recorded: what came, where it stands, and when."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np

from schemas.journal_records import Applied
from schemas.records import Fill, Instrument, Settings
from streams.audit.journal import Recorded


class Input(NamedTuple):
    """The place of an input: its topic without the prefix, and the offset in the instrument's partition."""

    topic: str
    offset: int


@dataclass(frozen=True)
class Event:
    """An input of the leader. Time in µs since the epoch; of the fields that follow what it has.

    Nothing of it is there where the topic does not have it any more, or the journal never had it.
    """

    place: Input
    partition: int
    time: int | None = None
    trade_id: int | None = None
    price: int | None = None
    fill: Fill | None = None
    due_to: "Event | None" = None
    """The trade that made the exchange report the fill."""
    settings: Settings | None = None
    instrument: Instrument | None = None


def place_of(entry: Applied) -> Input:
    """Return the place of what a journal entry took."""
    return Input(entry.input_topic, entry.input_offset)


def event_at(recorded: Recorded, place: Input) -> Event:
    """Return the input at a place as it was recorded."""
    if place.topic == "trades":
        trades = recorded.trades
        at = bisect_left(trades.offsets, place.offset)
        if at == len(trades.offsets) or trades.offsets[at] != place.offset:
            return Event(place, recorded.partition)
        return _trade_event(recorded, at)
    if place.topic == "fills":
        return _report_event(recorded, place)
    entry = next((entry for entry in recorded.journal if place_of(entry) == place), None)
    if entry is not None and entry.settings is not None:
        settings = msgspec.json.decode(entry.settings, type=Settings)
        return Event(place, recorded.partition, time=settings.updated_time, settings=settings)
    if entry is not None and entry.instrument_taken is not None:
        instrument = msgspec.json.decode(entry.instrument_taken, type=Instrument)
        return Event(place, recorded.partition, time=instrument.updated_time, instrument=instrument)
    return Event(place, recorded.partition)


def _trade_event(recorded: Recorded, at: int) -> Event:
    trades = recorded.trades
    place = Input("trades", int(trades.offsets[at]))
    time, trade_id, price = int(trades.times[at]), int(trades.ids[at]), int(trades.prices[at])
    return Event(place, recorded.partition, time=time, trade_id=trade_id, price=price)


def _report_event(recorded: Recorded, place: Input) -> Event:
    fill = recorded.fills.get(place.offset)
    if fill is None:
        return Event(place, recorded.partition)
    due_to = _due_to(recorded, fill)
    return Event(place, recorded.partition, time=fill.transaction_time, fill=fill, due_to=due_to)


def _due_to(recorded: Recorded, fill: Fill) -> Event | None:
    """Return the trade that a report names, `None` where it names none or the topic does not have it any more."""
    if fill.trade_id is None:
        return None
    found = np.flatnonzero(recorded.trades.ids == fill.trade_id)
    return _trade_event(recorded, int(found[0])) if len(found) else None
