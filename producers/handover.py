"""Which trades of a successor were given out already: those that the connection before it brought. No socket."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

from schemas.records import Trade

RECENT = 256
"""Trade ids a symbol that are remembered: a successor may lag behind by so many trades."""


class GivenIds:
    """The ids of the trades that were given out lately, in the order in which they were.

    They are compared one by one: the highest id would say nothing of a trade that only the successor brings among
    those of its predecessor, nor of ids that begin anew.
    """

    def __init__(self) -> None:
        self._limit: int | None = RECENT
        self.ids: defaultdict[str, deque[int]] = defaultdict(self._none_yet)
        """By symbol; the ids of trades that are given out are appended here."""

    def _none_yet(self) -> deque[int]:
        return deque(maxlen=self._limit)

    def keep_all(self) -> None:
        """Forget none from here on, as long as two connections bring the same trades."""
        self._set_limit(None)

    def keep_recent(self) -> None:
        """Forget all but the last ids of every symbol, from here on too."""
        self._set_limit(RECENT)

    def reach(self, first_ids: Mapping[str, int]) -> bool:
        """Return whether no id is missing between what was given out and these first ids of a successor's symbols."""
        return all(max(self.ids.get(symbol) or [first]) >= first - 1 for symbol, first in first_ids.items())

    def without_given(self, trades: Iterable[Trade]) -> list[Trade]:
        """Return those of `trades` that were not given out, in their order."""
        given = {symbol: set(ids) for symbol, ids in self.ids.items()}
        return [trade for trade in trades if trade.trade_id not in given.get(trade.symbol, ())]

    def _set_limit(self, limit: int | None) -> None:
        self._limit = limit
        for symbol, ids in self.ids.items():
            self.ids[symbol] = deque(ids, limit)
