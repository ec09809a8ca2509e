"""Candles older than those in memory: what Postgres has of them. The seam is a time, not a moment."""

from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from streams.market.history import INTERVALS
from streams.web.deeds import NotDone
from streams.web.model.cards import price_places
from streams.web.model.instrument import candle_row
from streams.web.replica.replica import Replica
from streams.web.replica.warehouse import older_candles

PAGE = 500


def older(replica: Replica, instrument: str, interval: int, before: int) -> dict[str, Any]:
    """Return candles that began before a time (s), the newest last, and whether there may be more."""
    assert interval in INTERVALS
    places = price_places(replica.board, instrument)
    try:
        found = older_candles(replica.engine, instrument, interval, before * 1_000_000, PAGE)
    except SQLAlchemyError as error:
        raise NotDone(f"Postgres does not answer: {str(error).splitlines()[0]}") from None
    return {"candles": [candle_row(candle, places) for candle in found], "more": len(found) == PAGE}
