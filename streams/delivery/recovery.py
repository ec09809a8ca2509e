"""Faust's table recovery, mended where it loses events, and where a late state would be taken for the newest."""

from collections.abc import Iterable, Sequence
from typing import Any

import faust
from faust.tables.recovery import Recovery

from streams.delivery import collecting
from streams.delivery.changelog import Changelog, keep_newest


class SeekFirstRecovery(Recovery):
    """Lets nothing flow between resuming the source partitions and seeking their committed offsets.

    Faust 0.15.3 resumes first and keeps fetching: what arrives before the seek advances the read position, and
    the records that the seek goes back to are then dropped as already read.
    """

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Go on to the source topics; `RuntimeError` where a changelog was not read to its end."""
        self.app.consumer.stop_flow()
        if self.app.consumer_generation_id == generation_id and self.need_recovery():
            raise RuntimeError(f"changelogs not read to their ends: {self.active_remaining()}")
        await super().on_recovery_completed(generation_id)

    async def _resume_streams(self, generation_id: int = 0) -> None:
        self.app.consumer.stop_flow()
        await super()._resume_streams(generation_id)
        collecting.look_again()  # what was fetched and not taken is dropped by now; each is a circle with its reader


class StatesTable(faust.Table[bytes, bytes]):
    """Faust's table in memory, which after a recovery holds of each key the value that counts, not the last one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = Changelog()

    def take(self, records: Sequence[Any]) -> None:
        """Take in records of one partition of the changelog, in its order: some million at a start."""
        self.known.read(records[0].partition, records[-1].offset, *{record.key for record in records})
        data: Any = self.data
        keep_newest(data, ((record.key, record.value) for record in records))

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Nothing: `take` has been given these, and all that came between them."""


def install(app: Any) -> None:
    """Make the application's tables recover with `SeekFirstRecovery`."""
    app.tables._recovery = SeekFirstRecovery(app, app.tables, beacon=app.tables.beacon, loop=app.tables.loop)
