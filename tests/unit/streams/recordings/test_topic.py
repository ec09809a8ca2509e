"""Recordings of the topic of trades: what they have and what is left out."""

import pytest

from schemas.codec import Codec, UnknownSchema
from schemas.records import Trade
from streams.recordings.recording import NoTrades, Recording
from streams.recordings.topic import COLUMNS, _recording
from streams.topics.consume import Gathered
from tests.samples import INSTRUMENT, trade, units
from tests.unit.streams.topics.test_consume import Fetched


def unknown(schema_id: int) -> str:
    raise UnknownSchema(f"schema id {schema_id}")


CODEC = Codec(Trade, 7, unknown)


def recorded(*values: bytes) -> Recording:
    gathered = Gathered(INSTRUMENT.encode(), COLUMNS)
    gathered.add([Fetched(offset, value) for offset, value in enumerate(values)], CODEC)
    return _recording(gathered, INSTRUMENT, ("trades", 0), (0, len(values)))


def test_each_trade_is_there_once_and_the_others_are_counted() -> None:
    """Two producers write the same trades, one of them a while behind; and a record is damaged."""
    given = [("1", 1), ("2", 2), ("1", 1), ("2", 2), ("3", 3), ("4", 4), ("3", 3), ("4", 4)]
    whole = recorded(*(CODEC.encode(trade(price, number)) for price, number in given), b"x")
    assert whole.prices.tolist() == [units(price) for price in ("1", "2", "3", "4")]
    assert whole.ids.tolist() == [1, 2, 3, 4]
    assert (whole.repeated, whole.unreadable) == (4, 1)
    assert whole.fingerprint == recorded(*(CODEC.encode(trade(str(n), n)) for n in (1, 2, 3, 4))).fingerprint


def test_nothing_is_no_recording() -> None:
    with pytest.raises(NoTrades, match=r"topic trades partition 0 offsets 0 to 1 has no trade of binance:XRPUSDT"):
        recorded(b"x")
