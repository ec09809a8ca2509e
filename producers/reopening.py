"""Gaps of before that are asked for again: those that were open at the start, and those that people name."""

import asyncio
from collections.abc import Sequence

from infra.config import Config
from producers.filler import Filler
from producers.tail import published_since
from schemas.gap_records import Gap


class Reopening:
    """Gives each gap to the filler of its exchange, once it is known what of it was published."""

    def __init__(self, config: Config, fillers: Sequence[Filler]) -> None:
        self._config = config
        self._fillers = {filler.memory.exchange: filler for filler in fillers}
        self._asked: asyncio.Queue[Gap] = asyncio.Queue()

    def ask(self, gap: Gap) -> None:
        """Take in a gap; those of exchanges that another process streams from are passed over."""
        if gap.exchange in self._fillers:
            self._asked.put_nowait(gap)

    async def run(self) -> None:
        """Look after them, one after the other, until cancelled. Raises what `published_since` raises."""
        while True:
            gap = await self._asked.get()
            await self._fillers[gap.exchange].reopen(gap, self._published)

    async def _published(self, gap: Gap) -> set[int]:
        return await asyncio.to_thread(published_since, self._config, gap)
