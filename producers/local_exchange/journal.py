"""A journal of trades in the layout of the recordings."""

from collections.abc import Iterable
from pathlib import Path

from producers.local_exchange.frames import decimal
from producers.recorded.layouts import RECORDING
from schemas.records import Trade


class Journal:
    """A file to which trades are added; none where there is no path. Each addition is written at once."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("w", encoding="utf-8") if path else None
        if self._file:
            self._file.write(",".join(RECORDING) + "\n")

    def add(self, trades: Iterable[Trade]) -> None:
        """Write `trades`."""
        if self._file:
            self._file.writelines(_row(trade) for trade in trades)
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()


def _row(trade: Trade) -> str:
    buyer = "" if trade.buyer_order_id is None else trade.buyer_order_id
    seller = "" if trade.seller_order_id is None else trade.seller_order_id
    return (
        f"trade,{trade.event_time},{trade.symbol},{trade.trade_id},{decimal(trade.price)},"
        f"{decimal(trade.quantity)},{buyer},{seller},{trade.trade_time},"
        f"{'true' if trade.buyer_is_maker else 'false'}\n"
    )
