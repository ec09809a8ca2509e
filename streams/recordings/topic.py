"""Recordings consumed again from the topic of trades, those of several instruments in one pass."""

from collections.abc import Mapping, Sequence

from infra.config import Config
from infra.progress import Progress
from schemas.broker import admin
from schemas.reader import Partition
from schemas.spans import Span, spans
from schemas.times import Between
from schemas.topics import TRADES
from streams.recordings.recording import NoTrades, Recording
from streams.recordings.repeats import first_of_each
from streams.topics.consume import Gathered, trade_columns
from streams.topics.read import partitions_of, spans_between

COLUMNS = ("price", "quantity", "trade_time", "trade_id")

Offsets = Mapping[int, Span]
"""The first offset of some partitions, and the one that is no more part of it."""


def from_topic(
    config: Config,
    instruments: Sequence[str],
    between: Between = (None, None),
    offsets: Offsets | None = None,
    progress: Progress | None = None,
) -> list[Recording]:
    """Return the trades of each instrument, of records that were written at a time in `between`, or at these `offsets`.

    Each partition is read once, whatever the number of its instruments. What is no trade is left out, as the worker
    leaves it out, and counted; so is what comes twice or late. Raises `TopicsMissing`, `Unreachable` for a broker that
    stops sending, `NoTrades`, and `ValueError` for offsets that the topic does not have.
    """
    name, numbers = TRADES.full_name(config), partitions_of(config, TRADES, instruments)
    if offsets is None:
        wanted = spans_between(config, [(name, number) for number in sorted(set(numbers.values()))], between)
    else:
        wanted = {(name, number): span for number, span in _checked(config, offsets, numbers).items()}
    found = trade_columns(config, wanted, instruments, COLUMNS, progress)
    return [
        _recording(found[instrument], instrument, (name, number), wanted[name, number])
        for instrument, number in numbers.items()
    ]


def _recording(gathered: Gathered, instrument: str, partition: Partition, span: Span) -> Recording:
    columns, (name, number), (first, end) = gathered.columns(), partition, span
    source = f"{name} partition {number} offsets {first} to {end}"
    new = first_of_each(columns["trade_id"], columns["trade_time"])
    recording = Recording(
        instrument=instrument,
        source=source,
        prices=columns["price"][new],
        quantities=columns["quantity"][new],
        times=columns["trade_time"][new],
        ids=columns["trade_id"][new],
        unreadable=gathered.unreadable,
        repeated=len(new) - int(new.sum()),
    )
    if not len(recording):
        raise NoTrades(f"topic {source} has no trade of {instrument}")
    return recording


def _checked(config: Config, offsets: Offsets, numbers: Mapping[str, int]) -> Offsets:
    """Return the offsets themselves, if they are those of the instruments' partitions and all there."""
    for instrument, number in numbers.items():
        if number not in offsets:
            raise ValueError(f"none for partition {number}, where the trades of {instrument} are")
    for number in offsets.keys() - set(numbers.values()):
        where = ", ".join(f"{instrument} is in {at}" for instrument, at in numbers.items())
        raise ValueError(f"partition {number} has none of the symbols: {where}")
    name = TRADES.full_name(config)
    for (_, number), (begins, ends) in spans(admin(config), [(name, number) for number in offsets]).items():
        first, end = offsets[number]
        if not begins <= first <= end <= ends:
            raise ValueError(f"partition {number} has offsets {begins} to {ends}, not {first} to {end}")
    return offsets
