"""What trade ids tell: they rise from one trade of an instrument to the next; whatever else they do is noticed here."""

from dataclasses import dataclass

from producers.series import DISORDER_US
from schemas.symbols import GLOBAL_IDS


@dataclass(frozen=True, slots=True)
class Gap:
    """Trades that never arrived: the ids between `previous` and `received`."""

    instrument: str
    previous: int
    received: int

    @property
    def missing(self) -> int:
        """The number of trades that are missing."""
        return self.received - self.previous - 1

    def __str__(self) -> str:
        first, last = self.previous + 1, self.received - 1
        ids = f"id {first}" if first == last else f"ids {first} to {last}"
        return f"{self.instrument}: {self.missing} trades missing, {ids}"


@dataclass(frozen=True, slots=True)
class StepBack:
    """A trade whose id is not above the highest before it: repeated, or out of order."""

    instrument: str
    highest: int
    received: int

    def __str__(self) -> str:
        return f"{self.instrument}: trade id {self.received} after {self.highest}"


class TradeIds:
    """The highest trade id of every instrument (`exchange:SYMBOL`) so far, and when that was traded."""

    def __init__(self) -> None:
        self._highest: dict[str, tuple[int, int]] = {}

    def observe(
        self, instrument: str, trade_id: int, trade_time: int, contiguous: bool = True
    ) -> Gap | StepBack | None:
        """Take in the next trade. Returns what is wrong about its id, `None` for nothing.

        An id that was left out is a trade that is missing only where ids are `contiguous`, rising by one, and nobody
        else looks for it. A lower id at a later time begins ids anew, see `producers.series`.
        """
        highest, time = self._highest.get(instrument, (trade_id - 1, 0))
        if trade_id > highest:
            self._highest[instrument] = trade_id, max(trade_time, time)
            return Gap(instrument, highest, trade_id) if contiguous and trade_id > highest + 1 else None
        ids = "global" if instrument.partition(":")[0] in GLOBAL_IDS else "contiguous"
        if trade_time > time + DISORDER_US[ids]:
            self._highest[instrument] = trade_id, trade_time
            return None
        return StepBack(instrument, highest, trade_id)

    def forget(self, instrument: str) -> None:
        """Forget an instrument that is streamed no longer: what it trades meanwhile is no gap."""
        self._highest.pop(instrument, None)
