"""The newest trade of some instruments, from the end of the topic backwards."""

from collections.abc import Collection, Iterable

from infra.config import Config
from schemas.broker import admin
from schemas.codec import Codec, CodecError
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.spans import partition_of, records, spans
from schemas.topics import TRADES
from streams.topics.read import existing

REACH = (2_000, 50_000, 500_000)
"""So many records of each partition are read, the more only for instruments that were not among the fewer."""


def newest_trades(config: Config, instruments: Collection[str]) -> dict[str, Trade]:
    """Return the newest trade of each of these instruments that has one in reach of the end of its partition."""
    partitions = existing(config, TRADES)
    ends = spans(admin(config), partitions)
    codec, found, left = make_codec(config, Trade), dict[str, Trade](), set(instruments)
    until = {partition: end for partition, (_, end) in ends.items()}
    for reach in REACH:
        numbers = {partition_of(instrument, len(partitions)) for instrument in left}
        wanted = {
            partition: (max(ends[partition][0], ends[partition][1] - reach), end)
            for partition, end in until.items()
            if partition[1] in numbers
        }
        keys = {instrument.encode() for instrument in left}
        values = {
            key: value
            for message in records(config, wanted)
            if (key := message.key()) in keys and isinstance(value := message.value(), bytes)
        }
        found |= {trade.instrument: trade for trade in _decoded(codec, values.values())}
        left -= found.keys()
        until |= {partition: first for partition, (first, _) in wanted.items()}
    return found


def _decoded(codec: Codec[Trade], values: Iterable[bytes]) -> Iterable[Trade]:
    for value in values:
        try:
            yield codec.decode(value)
        except CodecError:
            continue
