"""What the pump publishes and counts, with a publisher that only remembers."""

from collections.abc import AsyncGenerator
from typing import cast

import pytest

from infra.config import Config
from producers import pump as module
from producers.publisher import RECORD_BYTES_MAX, Publisher
from producers.pump import PublishError, Pump
from producers.source import BadRecord, Event
from schemas.checks import SYMBOL_CHARACTERS
from schemas.codec import Codec, schema_text
from schemas.dead_letters import VALUE_BYTES
from schemas.records import DeadLetter
from schemas.topics import DEAD_LETTERS, TRADES, Topic
from tests.samples import trade

LETTERS = Codec(DeadLetter, 1, lambda _: schema_text(DeadLetter))


class Remembers:
    """Stands for the publisher."""

    published = delivered = failed = 0

    def __init__(self) -> None:
        self.records: list[tuple[Topic, str, bytes]] = []

    def publish(self, topic: Topic, key: str, value: bytes) -> None:
        self.records.append((topic, key, value))

    @property
    def letters(self) -> list[DeadLetter]:
        return [LETTERS.decode(value) for topic, _, value in self.records if topic is DEAD_LETTERS]


@pytest.fixture
def publisher() -> Remembers:
    return Remembers()


@pytest.fixture
def pump(publisher: Remembers, monkeypatch: pytest.MonkeyPatch) -> Pump:
    monkeypatch.setattr(module, "make_codec", lambda _, kind: Codec(kind, 1, lambda _: schema_text(kind)))
    return Pump(Config(), cast(Publisher, publisher), {"binance"})


def test_two_exchanges_with_the_same_symbol_are_two_instruments(pump: Pump, publisher: Remembers) -> None:
    for trade_id in (1, 2, 5):
        for exchange in ("binance", "other"):
            pump.publish(trade("1", trade_id + (1_000 if exchange == "other" else 0), f"{exchange}:BTCEUR"))
    keys = [key for topic, key, _ in publisher.records if topic is TRADES]
    assert keys == ["binance:BTCEUR", "other:BTCEUR"] * 3
    counted = {key: (counts.trades, counts.gaps, counts.missing) for key, counts in pump.counts.items()}
    # The ids of the other do not rise by one: one that is left out says nothing.
    assert counted == {("binance", "BTCEUR"): (3, 1, 2), ("other", "BTCEUR"): (3, 0, 0)}
    assert pump.report("binance") == "trades BTCEUR 3 (1 gaps, 2 missing)"
    assert pump.report("other") == "trades BTCEUR 3"
    assert pump.report("third") == "trades none"


def test_ids_that_step_back_are_counted_of_any_exchange(pump: Pump) -> None:
    for exchange in ("binance", "other"):
        for trade_id in (7, 7, 6):
            pump.publish(trade("1", trade_id, f"{exchange}:X"))
        assert pump.report(exchange) == "trades X 3 (2 steps back)"


def test_a_bad_record_is_one_dead_letter(pump: Pump, publisher: Remembers) -> None:
    pump.publish(BadRecord("day.csv:7", b"no trade", "1 fields instead of 10"))
    pump.publish(trade("1", -1, "binance:X"))
    first, second = publisher.letters
    assert (first.source, first.value, first.error) == ("day.csv:7", b"no trade", "1 fields instead of 10")
    assert (first.topic, first.partition, first.offset) == (TRADES.name, -1, -1)
    assert second.source == "trade of binance:X"
    assert "trade_id: -1 is not between" in second.error
    assert (pump.bad_records, pump.counts) == (2, {})
    assert pump.total() == "published 0, acknowledged 0, failed 0; bad records 2"


class Source:
    """Gives one batch, and says when it is closed."""

    closed = False

    async def events(self) -> AsyncGenerator[list[Event], None]:
        try:
            yield [trade("1", 1, "binance:X")]
        finally:
            self.closed = True


async def test_a_source_is_closed_when_publishing_fails(
    pump: Pump, publisher: Remembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    source = Source()
    monkeypatch.setattr(publisher, "publish", fail)
    with pytest.raises(PublishError, match=r"Trade.* cannot be published") as caught:
        await pump.run(source)
    assert str(caught.value.__cause__) == "a bug"
    # Its frames still hold the source: it was not left to the garbage collection.
    assert caught.value.__traceback__ is not None
    assert source.closed


LARGE = 3_000_000
# a record that is larger than a dead letter may be → how its error begins, and what it says of the size
LARGE_RECORDS = [
    (BadRecord("x", b"0" * LARGE, "1 fields instead of 10"), "1 fields", f"the first {VALUE_BYTES} of {LARGE} bytes"),
    (BadRecord("x", b"0" * LARGE, "p: '" + "0" * LARGE), "p: '000", f"of {LARGE + 4} characters"),
    (trade("1", 1, f"binance:{'X' * LARGE}"), "symbol: 'XXXX", f"the first {VALUE_BYTES} of 300"),
]
ODD_SYMBOLS = ["", "A\x00", "\ud800", "\x00" * 101]


@pytest.mark.parametrize("symbol", ODD_SYMBOLS)
def test_a_name_that_cannot_be_written_is_a_dead_letter(pump: Pump, publisher: Remembers, symbol: str) -> None:
    pump.publish(trade("1", 1, f"binance:{symbol}"))
    (letter,) = publisher.letters
    assert letter.source.startswith("trade of binance:")
    assert letter.error.startswith(f"symbol: {symbol[:80]!a}")


@pytest.mark.parametrize(("record", "begins", "says"), LARGE_RECORDS)
def test_a_record_that_is_too_large_is_cut_and_its_neighbours_go_on(
    pump: Pump, publisher: Remembers, record: Event, begins: str, says: str
) -> None:
    for event in (trade("1", 1, "binance:X"), record, trade("1", 2, "binance:X")):
        pump.publish(event)
    assert [topic for topic, _, _ in publisher.records] == [TRADES, DEAD_LETTERS, TRADES]
    _, key, value = publisher.records[1]
    assert len(key) + len(value) < RECORD_BYTES_MAX
    (letter,) = publisher.letters
    assert letter.value is not None
    assert len(letter.value) == VALUE_BYTES
    assert letter.error.startswith(begins)
    assert says in letter.error
    assert pump.report("binance") == "trades X 2"


def test_the_topic_of_dead_letters_takes_what_the_publisher_sends() -> None:
    assert DEAD_LETTERS.config["max.message.bytes"] == str(RECORD_BYTES_MAX)


def test_the_longest_name_of_an_instrument(pump: Pump, publisher: Remembers) -> None:
    for length, topic in [(SYMBOL_CHARACTERS, TRADES), (SYMBOL_CHARACTERS + 1, DEAD_LETTERS)]:
        pump.publish(trade("1", 1, f"binance:{'X' * length}"))
        assert publisher.records[-1][0] is topic
