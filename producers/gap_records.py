"""The topic of gaps: what was missing in the streams, what became of it, and what is to be asked for again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

import msgspec
from confluent_kafka import KafkaException

from infra.config import Config
from infra.errors import Unreachable
from producers.publisher import Publisher
from schemas.compacted import CompactedTopics, Found
from schemas.gap_records import Gap, GapStatus
from schemas.reader import POLL_S
from schemas.registry import make_codec
from schemas.topics import GAPS

ASKED_AGAIN = "asked for again"
CONNECT_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 30.0
FOLLOW_WAIT_MS = 100


class GapRecords:
    """Writes gaps through the publisher of the trades."""

    def __init__(self, config: Config, publisher: Publisher) -> None:
        self._publisher = publisher
        self._codec = make_codec(config, Gap)

    def tell(self, gap: Gap) -> Awaitable[None]:
        """Write one; what is returned ends when the broker has it."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def note(_: object) -> None:
            if not written.done():
                written.set_result(None)

        self._publisher.publish(GAPS, gap.key, self._codec.encode(gap), note)
        return written


def read_gaps(config: Config) -> list[Gap]:
    """Return every gap that was ever recorded, as it is now, in the order of being noticed.

    Raises what `CompactedTopics` raises.
    """
    with CompactedTopics(config, [GAPS]) as reader:
        return newest(reader.present())


def newest(found: Iterable[Found]) -> list[Gap]:
    """Return the last record of each gap, in the order of being noticed."""
    last = {record.key: record for _, record in found if isinstance(record, Gap)}
    return sorted(last.values(), key=lambda gap: gap.opened_time)


def ask_again(config: Config, gaps: Iterable[Gap]) -> list[Gap]:
    """Have the producer ask for gaps again; return them as they are recorded now.

    Raises `Unreachable` when the broker does not answer, `RegistryUnavailable` when the schema registry does not, and
    `producers.publisher.DeliveryError` when the broker did not acknowledge them all.
    """
    now = time.time_ns() // 1_000
    asked = [msgspec.structs.replace(gap, status=GapStatus.OPEN, reason=ASKED_AGAIN, updated_time=now) for gap in gaps]
    codec = make_codec(config, Gap)
    publisher = Publisher(config, delivery_timeout_s=WRITE_TIMEOUT_S)
    try:
        publisher.connect(CONNECT_TIMEOUT_S)
    except KafkaException as error:
        raise Unreachable(f"no Kafka broker answers at {config.bootstrap}: {error.args[0].str()}") from None
    for gap in asked:
        publisher.publish(GAPS, gap.key, codec.encode(gap))
    publisher.flush()
    return asked


async def follow(config: Config, on_asked: Callable[[Gap], None], stop: asyncio.Event) -> None:
    """Call `on_asked` for every gap that is open now, then for each that is asked for again, until `stop` is set.

    Raises what `CompactedTopics` raises when broker or registry cannot be reached at the start.
    """
    reader = await asyncio.to_thread(CompactedTopics, config, [GAPS], FOLLOW_WAIT_MS)
    try:
        for gap in await asyncio.to_thread(lambda: newest(reader.present())):
            if gap.status is GapStatus.OPEN:
                on_asked(gap)
        while not stop.is_set():
            for _, record in await asyncio.to_thread(reader.next, POLL_S):
                if isinstance(record, Gap) and record.status is GapStatus.OPEN and record.reason == ASKED_AGAIN:
                    on_asked(record)
    finally:
        await asyncio.to_thread(reader.__exit__)
