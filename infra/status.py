"""The state of one part of the stack, as every backend reports it."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class PartStatus:
    """One line of `status`. `since` is seconds since the epoch, `rss` bytes; None where unknown or not running."""

    part: str
    state: str
    """`up`, `not ready` (runs, does not answer), `dead` (was started, is gone), `down`."""
    endpoint: str
    pid: int | None = None
    since: float | None = None
    rss: int | None = None

    def as_dict(self) -> dict[str, object]:
        return asdict(self)
