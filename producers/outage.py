"""Whether the broker answers, told once when it goes, now and then while it is away, and once when it is back."""

AGAIN_S = 60.0


class Outage:
    """An outage as it is told: no clock, times are in seconds."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told_at = 0.0

    def failed(self, now: float) -> bool:
        """Note that the broker does not answer. Returns whether that is to be told."""
        if self._since is None:
            self._since = now
        elif now - self._told_at < AGAIN_S:
            return False
        self._told_at = now
        return True

    def answered(self, now: float) -> float | None:
        """Note that the broker answers. Returns the seconds that it was away if that is to be told."""
        since, self._since = self._since, None
        return None if since is None else now - since
