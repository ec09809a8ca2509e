"""The trades that the local exchange can tell of afterwards. No socket, no clock."""

from bisect import bisect_left
from operator import attrgetter

from schemas.records import Trade

_ID = attrgetter("trade_id")


class History:
    """The last trades of one symbol, `most` at least, by rising id."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._trades: list[Trade] = []

    def append(self, trade: Trade) -> None:
        """Add the newest trade."""
        self._trades.append(trade)
        if len(self._trades) > 2 * self._most:
            del self._trades[: -self._most]

    def clear(self) -> None:
        """Forget all: ids begin anew."""
        self._trades.clear()

    def from_id(self, first: int, limit: int) -> list[Trade]:
        """Return the `limit` oldest of the trades whose id is `first` or above, oldest first."""
        begin = bisect_left(self._trades, first, key=_ID)
        return self._trades[begin : begin + limit]

    def below_id(self, end: int, limit: int) -> list[Trade]:
        """Return the `limit` newest of the trades whose id is below `end`, oldest first."""
        stop = bisect_left(self._trades, end, key=_ID)
        return self._trades[max(stop - limit, 0) : stop]

    def newest(self, limit: int) -> list[Trade]:
        """Return the `limit` newest trades, oldest first."""
        return self._trades[-limit:]

    def since(self, time: int) -> list[Trade]:
        """Return the trades made at `time` (µs) or later, oldest first."""
        begin = len(self._trades)
        while begin and self._trades[begin - 1].trade_time >= time:
            begin -= 1
        return self._trades[begin:]
