"""Trades from the bytes of a broker: the same as record by record, whatever the compression and the other keys."""

import numpy as np
import pytest
from aiokafka import TopicPartition
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from schemas.codec import Codec, CodecError, schema_text
from schemas.records import Trade
from streams.topics.batches import Found, Keys, trades_in
from streams.topics.lean import Fetched, HeldRecords, LeanRecords, as_fetched
from tests.samples import trade

INSTRUMENTS = ["binance:XRPUSDT", "binance:ETHUSDT", "test:Ä"]
CODEC = Codec(Trade, 300, lambda _: schema_text(Trade))
OTHERS = Codec(Trade, 7, lambda _: schema_text(Trade))
COMPRESSIONS = {"none": 0, "gzip": 1, "lz4": 3, "zstd": 4}


def batch(base: int, records: list[tuple[bytes | None, bytes | None]], compression: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, compression, False, -1, -1, -1, 10**6)
    for at, (key, value) in enumerate(records):
        builder.append(at, 1_700_000_000_000 + at, key, value, [("header", b"of some size")] if at % 3 else [])
    data = bytearray(builder.build())
    data[:8] = base.to_bytes(8, "big")
    return bytes(data)


def made(count: int) -> list[tuple[bytes | None, bytes | None]]:
    """Records of three instruments and of others, some of which are no trades."""
    records: list[tuple[bytes | None, bytes | None]] = []
    for number in range(count):
        key = [*INSTRUMENTS, "binance:OTHER"][number % 4]
        value = (OTHERS if number % 5 == 0 else CODEC).encode(trade(f"{number + 1}", number, key, "2"))
        records.append((key.encode(), value if number % 11 else value[:-1]))
    foreign = (INSTRUMENTS[0].encode(), CODEC.encode(trade("1", instrument=INSTRUMENTS[1])))
    return [
        *records[:30],
        foreign,
        *records[30:],
        (None, CODEC.encode(trade("1"))),
        (b"binance:XRPUSDT", None),
        (b"", b""),
    ]


def is_trade(key: bytes | None, value: bytes | None) -> bool:
    try:
        return key == CODEC.decode(value).instrument.encode()
    except CodecError:
        return False


@pytest.mark.parametrize("compression", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_the_trades_of_the_wanted_keys_between_two_offsets(compression: int) -> None:
    records = made(50)
    data = batch(100, records[:20], compression) + batch(120, records[20:], compression)
    cut = batch(900, records, compression)[:70]
    found = trades_in(data + cut, 105, 145, Keys([name.encode() for name in INSTRUMENTS]), CODEC)
    expected = []
    for offset, (key, value) in enumerate(records, 100):
        number = INSTRUMENTS.index(key.decode()) if key and key.decode() in INSTRUMENTS else -1
        if 105 <= offset < 145 and number >= 0 and is_trade(key, value):
            each = CODEC.decode(value)
            expected.append((number, offset, each.price, each.quantity, each.trade_id, each.trade_time))
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected
    assert len(expected) > 20


def test_many_keys_are_told_apart() -> None:
    names = [f"binance:{number:03}" for number in range(500)]
    records: list[tuple[bytes | None, bytes | None]] = [
        (name.encode(), CODEC.encode(trade("1", number, name))) for number, name in enumerate(names)
    ]
    found = trades_in(batch(0, records, 0), 0, 500, Keys([name.encode() for name in names]), CODEC)
    assert np.array_equal(found.key, np.arange(500))
    assert np.array_equal(found.trade_id, np.arange(500))


def test_nothing_is_nothing() -> None:
    assert all(len(column) == 0 for column in trades_in(b"", 0, 10, Keys([b"x"]), CODEC))
    assert Found._fields[0] == "key"


def test_a_consumer_hands_out_what_it_has_fetched() -> None:
    data = batch(0, made(5), 0) + batch(9, made(5), 3)
    records = LeanRecords(TopicPartition("trades", 3), HeldRecords(data), [], 1, None, as_fetched, True, 0)
    assert list(records) == [Fetched(data)]
    assert records.next_fetch_offset == 18
