"""How much of the topics may go: what was written before a time, as far as nobody needs it any more.

An audit begins with a checkpoint of each leader and book. So what comes after the last one before that time stays, and
so does what a worker, a sink or the notifier has still to read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from confluent_kafka import TopicPartition

from infra.config import Config
from schemas.broker import admin
from schemas.codec import CodecError
from schemas.groups import notifier_group
from schemas.journal_records import Checkpoint
from schemas.offsets import committed
from schemas.reader import Partition
from schemas.registry import make_codec
from schemas.spans import TIMEOUT_S, partitions
from schemas.topics import ALERTS, APPLIED, CANDLES, CHECKPOINTS, DIGESTS, FILLS, ORDERS, TRADES
from streams.topics.lag import readers, worker_groups
from streams.topics.read import messages, spans_between
from streams.trading.checkpoints import LAYOUTS

PRUNED = (TRADES, ORDERS, FILLS, APPLIED, CHECKPOINTS, CANDLES, ALERTS, DIGESTS)
"""The topics that grow for good."""
MADE = (ORDERS, FILLS, APPLIED, CHECKPOINTS)
"""What leaders and books make."""
MARGIN_US = 60_000_000
"""What a checkpoint stands for was sent with it, by the clock of a worker that may be this far from another's."""
AUDIT = "audit"
"""Who needs what comes after a checkpoint."""


@dataclass(frozen=True)
class Cut:
    """Of one partition of a topic: what is there, what may go, and who keeps some of what is older from going."""

    topic: str
    partition: int
    first: int
    upto: int
    """The first offset that stays."""
    wanted: int
    """The one that would, were there nobody."""
    needed_by: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Mark:
    """The last checkpoint of a leader or a book before a time."""

    trades_offset: int
    time: int
    """When it was sent, in µs."""


def cuts(config: Config, before: int) -> list[Cut]:
    """Return what of each partition was written before a time (µs) and may go. Raises `Unreachable`."""
    client = admin(config)
    found = partitions(client, [topic.full_name(config) for topic in PRUNED])
    spans = spans_between(config, found, (None, before))
    made = [Cut(name, number, first, stop, stop) for (name, number), (first, stop) in spans.items()]
    marks = _marks(config, before)
    trades = {number: min(mark.trades_offset for mark in of) + 1 for number, of in marks.items()}
    times = {number: min(mark.time for mark in of) - MARGIN_US for number, of in marks.items()}
    needed = _offsets_of(config, times) | {(TRADES.full_name(config), number): at for number, at in trades.items()}
    made = [_kept(cut, AUDIT, needed) for cut in made]
    for group, offsets in _committed(config).items():
        made = [_kept(cut, group, offsets) for cut in made]
    return made


def delete(config: Config, made: Iterable[Cut]) -> None:
    """Let the broker delete it: raises `KafkaException` where it refuses."""
    places = [TopicPartition(cut.topic, cut.partition, cut.upto) for cut in made if cut.upto > cut.first]
    client = admin(config)  # held: with the client its requests end
    if places:
        for future in client.delete_records(places, request_timeout=TIMEOUT_S).values():
            future.result(TIMEOUT_S)


def _kept(cut: Cut, who: str, offsets: Mapping[Partition, int]) -> Cut:
    """Return what may go once somebody needs all from an offset on."""
    at = offsets.get((cut.topic, cut.partition))
    if at is None or at >= cut.upto:
        return cut
    return replace(cut, upto=max(at, cut.first), needed_by=cut.needed_by | {who})


def _marks(config: Config, before: int) -> dict[int, list[Mark]]:
    """Return by partition the last checkpoint before a time of everybody who has one that can be read."""
    codec, newest = make_codec(config, Checkpoint), dict[tuple[int, str, str], Mark]()
    for message in messages(config, [CHECKPOINTS]):
        value, time = message.value(), message.timestamp()[1] * 1_000
        if time >= before or not isinstance(value, bytes):
            continue
        try:
            made = codec.decode(value)
        except CodecError:
            continue
        if made.layout in LAYOUTS.values():
            newest[message.partition() or 0, made.instrument, made.agent] = Mark(made.trades_offset, time)
    found: dict[int, list[Mark]] = {}
    for (partition, _, _), mark in newest.items():
        found.setdefault(partition, []).append(mark)
    return found


def _offsets_of(config: Config, times: Mapping[int, int]) -> dict[Partition, int]:
    """Return the first offsets, written at or after the time of a partition, of all that leaders and books make."""
    found: dict[Partition, int] = {}
    for number, time in times.items():
        of = [(topic.full_name(config), number) for topic in MADE]
        found |= {at: stop for at, (_, stop) in spans_between(config, of, (None, time)).items()}
    return found


def _committed(config: Config) -> dict[str, dict[Partition, int]]:
    """Return from where on each group still reads: 0 of what it has committed nothing of, and reads."""
    client = admin(config)
    listed = {group.group_id for group in client.list_consumer_groups(request_timeout=TIMEOUT_S).result().valid}
    reading = {group: topics for group, topics in readers(config).items() if group in listed}
    groups = [group for group in (*reading, *worker_groups(client, config), notifier_group(config)) if group in listed]
    found = {group: dict(places) for group, places in committed(config, groups).items()}
    for group, topics in reading.items():
        for at in partitions(client, [topic.full_name(config) for topic in topics]):
            found[group].setdefault(at, 0)
    return {group: {at: max(0, offset) for at, offset in of.items()} for group, of in found.items()}
