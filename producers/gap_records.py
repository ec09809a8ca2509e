"""The topic of gaps: what was missing in the streams, and what became of it."""

import asyncio
from collections.abc import Awaitable

from infra.config import Config
from producers.publisher import Publisher
from schemas.records import Gap
from schemas.registry import make_codec
from schemas.topics import GAPS


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
