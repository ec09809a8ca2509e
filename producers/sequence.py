"""Trade ids rise by one per symbol; whatever else they do is noticed here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """Trades that never arrived: the ids between `previous` and `received`."""

    symbol: str
    previous: int
    received: int

    @property
    def missing(self) -> int:
        """How many trades are missing."""
        return self.received - self.previous - 1

    def __str__(self) -> str:
        first, last = self.previous + 1, self.received - 1
        ids = f"id {first}" if first == last else f"ids {first} to {last}"
        return f"{self.symbol}: {self.missing} trades missing, {ids}"


@dataclass(frozen=True, slots=True)
class StepBack:
    """A trade whose id is not above the highest before it: repeated, or out of order."""

    symbol: str
    highest: int
    received: int

    def __str__(self) -> str:
        return f"{self.symbol}: trade id {self.received} after {self.highest}"


class TradeIds:
    """The highest trade id of every symbol so far."""

    def __init__(self) -> None:
        self._highest: dict[str, int] = {}

    def observe(self, symbol: str, trade_id: int) -> Gap | StepBack | None:
        """Take in the next trade; what is wrong about its id, `None` for nothing."""
        highest = self._highest.get(symbol)
        if highest is None or trade_id == highest + 1:
            self._highest[symbol] = trade_id
            return None
        if trade_id > highest:
            self._highest[symbol] = trade_id
            return Gap(symbol, highest, trade_id)
        return StepBack(symbol, highest, trade_id)

    def forget(self, symbol: str) -> None:
        """A symbol is streamed no longer: what it trades meanwhile is no gap."""
        self._highest.pop(symbol, None)
