"""The pairs agent under a real keeper: what it tells, what it refuses, and what comes back after a crash."""

from typing import Any

import msgspec
import pytest

from schemas.market_records import Alert, Quote
from schemas.records import Record
from schemas.units import ONE
from streams.agents.pairs import PAIRS
from streams.market.apart import INSTRUMENTS_MAX, KEPT_SECONDS, STALE_SECONDS
from tests.unit.streams.agents.acting import Acting
from tests.unit.streams.delivery.played import CHANGELOG, CODECS, Event

PAIR, START, SECOND = b"BTC/USD", 1_795_694_671, 1_000_000
COINBASE, BITSTAMP = "coinbase:BTC-USD", "bitstamp:BTCUSD"


def quote(instrument: str, second: int, price: int, **changes: Any) -> Quote:
    """A price in a second after the start."""
    exchange, symbol = instrument.split(":")
    fields: dict[str, Any] = {"pair": "BTC/USD", "apart": ONE // 100, "cooldown": 300, "settings_offset": 7, **changes}
    when = (START + second) * SECOND + 5
    return Quote(exchange=exchange, symbol=symbol, price=price * ONE, trade_time=when, **fields)


def alerts(acting: Acting) -> list[Record]:
    return [each for each in acting.sent() if isinstance(each, Alert)]


async def test_an_alert_says_who_is_apart_from_whom_and_by_how_much() -> None:
    acting = Acting(PAIRS)
    quotes = [quote(COINBASE, 0, 61_000), quote(BITSTAMP, 1, 60_000, settings_offset=9), quote(COINBASE, 2, 61_000)]
    await acting.take(0, *quotes)
    await acting.keeper.drain()
    assert acting.sent() == [
        Alert(
            exchange="bitstamp",
            symbol="BTCUSD",
            alert_id=f"{BITSTAMP}:exchanges-apart:down:{COINBASE}:{START + 1}",
            kind="exchanges-apart",
            direction="down",
            price=60_000 * ONE,
            reference=61_000 * ONE,
            threshold=ONE // 100,
            value=-1_639_344,
            held_back=0,
            settings_offset=9,
            event_time=(START + 1) * SECOND + 5,
            other=COINBASE,
        )
    ]


@pytest.mark.parametrize(
    ("quotes", "told"),
    [
        # the other has not passed the second yet
        ([(COINBASE, 0, 100), (BITSTAMP, 0, 100), (COINBASE, 5, 110)], []),
        ([(COINBASE, 0, 100), (BITSTAMP, 0, 100), (COINBASE, 5, 110), (BITSTAMP, 5, 109)], []),
        ([(COINBASE, 0, 100), (BITSTAMP, 0, 100), (COINBASE, 5, 110), (BITSTAMP, 6, 110)], [5]),
        # exactly at the threshold is within it
        ([(COINBASE, 0, 100), (BITSTAMP, 0, 101)], []),
        ([(COINBASE, 0, 100), (BITSTAMP, 0, 102)], [0]),
        # what is old does not count
        ([(BITSTAMP, 0, 110), (COINBASE, STALE_SECONDS, 100), (BITSTAMP, STALE_SECONDS + 1, 100)], [STALE_SECONDS]),
        ([(BITSTAMP, 0, 110), (COINBASE, STALE_SECONDS + 1, 100), (BITSTAMP, STALE_SECONDS + 2, 100)], []),
        # what came before, comes late or again
        ([(COINBASE, 9, 100), (BITSTAMP, 9, 100), (COINBASE, 3, 110), (BITSTAMP, 3, 100)], []),
        (
            [
                (COINBASE, 9, 100),
                *[(BITSTAMP, 9, price) for price in (100, 120)],
                (COINBASE, 10, 100),
                (BITSTAMP, 11, 100),
            ],
            [],
        ),
        # one that is far ahead is not compared where it was
        ([(COINBASE, 0, 110), (COINBASE, KEPT_SECONDS + 1, 100), (BITSTAMP, 0, 100)], []),
        ([(COINBASE, 0, 110), (COINBASE, KEPT_SECONDS, 100), (BITSTAMP, 0, 100)], [0]),
    ],
)
async def test_seconds_that_both_have_passed_are_compared(quotes: list[tuple[str, int, int]], told: list[int]) -> None:
    acting = Acting(PAIRS)
    for offset, each in enumerate(quotes):
        await acting.take(offset, quote(*each))
    await acting.keeper.drain()
    assert [int(alert.alert_id.split(":")[-1]) - START for alert in alerts(acting) if isinstance(alert, Alert)] == told


@pytest.mark.parametrize("stored", range(1, 6))
async def test_a_worker_that_was_killed_tells_each_once_and_the_same(stored: int) -> None:
    quotes = [quote(COINBASE, 0, 100), quote(COINBASE, 61, 100), quote(BITSTAMP, 61, 103)]
    quotes += [quote(BITSTAMP, 125, 104, cooldown=0), quote(COINBASE, 130, 100), quote(BITSTAMP, 131, 103)]
    whole = Acting(PAIRS)
    await whole.take(0, *quotes)
    await whole.keeper.drain()
    assert len(alerts(whole)) == 2

    killed = Acting(PAIRS)
    await killed.take(0, *quotes[:stored])
    await killed.keeper.drain()
    await killed.take(stored, *quotes[stored:])  # never stored
    again = killed.restarted()
    await again.take(0, *quotes)
    await again.keeper.drain()
    sent = [*alerts(killed), *alerts(again)]
    assert {msgspec.json.encode(each) for each in sent} == {msgspec.json.encode(each) for each in alerts(whole)}
    last = {name: again.table.data[name] for name in again.table.data if name != PAIR}
    assert {name: b"" if name == PAIR else msgspec.json.decode(value)["part"] for name, value in last.items()} == {
        name: msgspec.json.decode(value)["part"] for name, value in whole.table.data.items() if name != PAIR
    }


async def test_only_what_has_grown_is_stored_and_all_of_it_after_somebody_else_wrote() -> None:
    acting = Acting(PAIRS)
    await acting.take(0, quote(COINBASE, 0, 100), quote(COINBASE, 61, 100))
    await acting.keeper.drain()
    written = len(acting.app.producer.log)
    await acting.take(2, quote(COINBASE, 62, 100))
    await acting.keeper.drain()
    log = acting.app.producer.log
    assert [len(sent.key.partition(b"#")[2]) > 0 for sent in log[written:]] == [True, False]
    log_end = len(log)
    acting.app.producer.append(CHANGELOG, PAIR + b"#0.0", b'{"version":2,"part":[0,0,[]]}', 3)
    await acting.take(3, quote(COINBASE, 63, 100))
    await acting.keeper.drain()
    await acting.keeper.drain()
    assert len({sent.key for sent in log[log_end + 1 :]}) == 3


async def test_what_it_cannot_take_is_a_dead_letter_that_says_why() -> None:
    acting = Acting(PAIRS)
    await acting.take(0, *(quote(f"x{number}:BTCUSD", 0, 100) for number in range(INSTRUMENTS_MAX + 1)))
    wrong = Event(20, b"ETH/USD", CODECS[Quote].encode(quote(COINBASE, 1, 100)))
    await acting.take_raw("quotes", wrong, Event(21, PAIR, b"no quote"))
    await acting.keeper.drain()
    assert [offset for offset, _ in acting.letters()] == [INSTRUMENTS_MAX, 21, 20]
    texts = [text for _, text in acting.letters()]
    assert texts[0] == "pair: BTC/USD is that of 16 other instruments, which is the most"
    assert texts[2] == "key: b'ETH/USD' is not BTC/USD"


async def test_one_that_asks_for_nothing_is_only_compared_with() -> None:
    acting = Acting(PAIRS)
    quotes = [quote(COINBASE, 0, 110, apart=0), quote(BITSTAMP, 0, 100, apart=0)]
    await acting.take(0, *quotes, quote(COINBASE, 1, 100, apart=0), quote(BITSTAMP, 1, 100))
    await acting.take(4, quote(COINBASE, 2, 120, apart=0), quote(BITSTAMP, 2, 100))
    await acting.keeper.drain()
    (alert,) = alerts(acting)
    assert isinstance(alert, Alert)
    assert (alert.instrument, alert.other, alert.direction) == (BITSTAMP, COINBASE, "down")
