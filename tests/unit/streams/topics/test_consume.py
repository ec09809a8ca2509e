"""Trades gathered in columns, batch by batch, without what is no trade."""

from dataclasses import dataclass

import pytest

from schemas.codec import Codec, UnknownSchema
from schemas.records import Trade
from streams.topics.consume import OFFSET, Gathered
from tests.samples import INSTRUMENT, trade

NAMES = (OFFSET, "price", "trade_id")


@dataclass
class Fetched:
    """A record as far as it is looked at."""

    offset: int
    value: bytes | None
    key: bytes | None = None


@pytest.fixture(scope="module")
def codec() -> Codec[Trade]:
    def unknown(schema_id: int) -> str:
        raise UnknownSchema(f"schema id {schema_id}")

    return Codec(Trade, 7, unknown)


def test_batches_are_put_together_in_their_order(codec: Codec[Trade]) -> None:
    gathered = Gathered(INSTRUMENT.encode(), NAMES)
    gathered.add([Fetched(3, codec.encode(trade("1", 30))), Fetched(9, codec.encode(trade("2", 90)))], codec)
    gathered.add([Fetched(11, codec.encode(trade("3", 110)))], codec)
    columns = {name: column.tolist() for name, column in gathered.columns().items()}
    assert columns == {OFFSET: [3, 9, 11], "price": [10**8, 2 * 10**8, 3 * 10**8], "trade_id": [30, 90, 110]}
    assert gathered.unreadable == 0


def test_what_is_no_trade_is_left_out_of_every_column_and_counted(codec: Codec[Trade]) -> None:
    gathered = Gathered(INSTRUMENT.encode(), NAMES)
    values = [b"garbage", codec.encode(trade("1", 1)), None, codec.encode(trade("2", 2))]
    values.append(codec.encode(trade("3", 3, "binance:ETHUSDT")))  # under this instrument's key
    gathered.add([Fetched(offset, value) for offset, value in enumerate(values)], codec)
    columns = {name: column.tolist() for name, column in gathered.columns().items()}
    assert columns == {OFFSET: [1, 3], "price": [10**8, 2 * 10**8], "trade_id": [1, 2]}
    assert gathered.unreadable == 3


def test_nothing_gives_empty_columns() -> None:
    columns = Gathered(INSTRUMENT.encode(), NAMES).columns()
    assert {name: len(column) for name, column in columns.items()} == dict.fromkeys(NAMES, 0)
