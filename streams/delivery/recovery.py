"""Faust's table recovery, mended where it loses events."""

from typing import Any

from faust.tables.recovery import Recovery


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


def install(app: Any) -> None:
    """Make the application's tables recover with `SeekFirstRecovery`."""
    app.tables._recovery = SeekFirstRecovery(app, app.tables, beacon=app.tables.beacon, loop=app.tables.loop)
