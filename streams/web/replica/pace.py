"""How fast records come and how long they wait: by when they were written and when they arrived."""

from bisect import bisect_right
from collections import deque

SAMPLES = 20_000
SECONDS = 10


class Rate:
    """Records a second over the last `SECONDS` whole seconds."""

    def __init__(self) -> None:
        self._counts: deque[list[int]] = deque(maxlen=SECONDS + 1)

    def add(self, now_s: int, count: int) -> None:
        """Count records that arrived in this second."""
        if not self._counts or self._counts[-1][0] != now_s:
            self._counts.append([now_s, 0])
        self._counts[-1][1] += count

    def milli(self, now_s: int) -> int:
        """Return thousandths of records a second."""
        counted = sum(count for second, count in self._counts if now_s - SECONDS <= second < now_s)
        return counted * 1_000 // SECONDS


class Stamps:
    """When the records of one partition were written, by their offsets: a sample of them, the newest last."""

    def __init__(self) -> None:
        self._offsets: deque[int] = deque(maxlen=SAMPLES)
        self._times: deque[int] = deque(maxlen=SAMPLES)
        self.end = 0
        """The offset after the newest record that has come."""

    def add(self, offset: int, time_ms: int) -> None:
        """Note a record that has come."""
        self._offsets.append(offset)
        self._times.append(time_ms)
        self.end = offset + 1

    def behind_ms(self, committed: int, now_ms: int) -> int:
        """Return since when the first record that is not committed has been waiting; 0 where none is."""
        if committed >= self.end or not self._offsets:
            return 0
        # the first sample at or after what is committed was written when that was or later
        at = bisect_right(self._offsets, committed - 1)
        return max(now_ms - self._times[min(at, len(self._times) - 1)], 0)


class Written:
    """How many rows were written a second, by a sum that grows in steps."""

    def __init__(self) -> None:
        self._sums: deque[tuple[float, int]] = deque(maxlen=3 * SECONDS)

    def milli(self, now: float, total: int) -> int:
        """Return thousandths a second between the oldest and the newest sum that is known; `now` is in seconds."""
        if self._sums and total < self._sums[-1][1]:  # topics were made anew
            self._sums.clear()
        self._sums.append((now, total))
        (first, low), (last, high) = self._sums[0], self._sums[-1]
        return int((high - low) * 1_000 / (last - first)) if last > first else 0


class Latencies:
    """How long the newest orders took, from the trade that they answer to the topic."""

    def __init__(self) -> None:
        self._ms: deque[int] = deque(maxlen=500)

    def add(self, ms: int) -> None:
        """Note one order."""
        self._ms.append(max(ms, 0))

    def p99(self) -> int:
        """Return the time in milliseconds within which 99 of 100 were placed; -1 where none was."""
        return sorted(self._ms)[len(self._ms) * 99 // 100] if self._ms else -1
