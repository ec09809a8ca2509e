"""What must hold once all is worked off, by what the topics, Postgres and the exchanges' own files say."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from infra.config import Config
from producers import settings_topic
from schemas import topics
from schemas.records import Trade, TradingStatus
from schemas.topics import DEAD_LETTER_TOPICS, TRADES
from streams.audit.audit import audit
from streams.demo import checks
from streams.demo.topic import records
from streams.demo.watched import WatchedExchange
from streams.topics.read import count
from tests.faults.harness.house import House
from tests.faults.judged import assert_fills_repeat_only_themselves, open_orders

RESIDENT_MAX = 1 << 30
"""Bytes that a process of ours may hold."""
SHOWN = 5


class Broken(NamedTuple):
    """An invariant that does not hold, and in what."""

    invariant: str
    what: str


def verified(house: House, stopped: set[str]) -> Iterator[Broken]:
    """Yield what does not hold. `stopped` are the instruments of which a stop was acknowledged."""
    looks: dict[str, Callable[[], Iterator[str]]] = {
        "U1 every trade that was made is in the topic, once": lambda: not_in_the_topic(house),
        "U2 recorded inputs give recorded orders and fills": lambda: _replayed(house.config),
        "U3 leaders and exchange hold the same orders open": lambda: _agreed(house.config),
        "U4 Postgres has what the topics have": lambda: _in_postgres(house),
        "U5 memory is bounded, nothing that could be read is a dead letter": lambda: _bounded(house),
        "U6 a stop that was acknowledged holds": lambda: _stopped(house, stopped),
    }
    for name, look in looks.items():
        yield from (Broken(name, what) for what in look())


def not_in_the_topic(house: House) -> Iterator[str]:
    """Yield what was made and is not in the topic, or not once."""
    trades = list(records(house.config, TRADES, Trade))
    for exchange in house.markets.exchanges.values():
        found = checks.nothing_is_missing(trades, WatchedExchange(exchange.name, exchange.symbols, 0, exchange.tape, 0))
        yield from (f"{found.found:,}: {what}" for what in found.differences)


def _replayed(config: Config) -> Iterator[str]:
    result = audit(config)
    for difference in result.differences[:SHOWN]:
        yield f"{difference.instrument} version {difference.version}: {difference.recorded}, {difference.refolded}"
    yield from (f"not proven: {what}" for what in result.unproven)
    if not result.reports:
        yield "no fill was recorded: this proves nothing"


def _agreed(config: Config) -> Iterator[str]:
    leaders, books = open_orders(config, topics.LEADERS), open_orders(config, topics.BOOKS)
    for key in sorted(leaders.keys() | books.keys()):
        ours, theirs = leaders.get(key, set()), books.get(key, set())
        if ours != theirs:
            yield f"{key}: only the leader's {sorted(ours - theirs)}, only the exchange's {sorted(theirs - ours)}"
    try:
        assert_fills_repeat_only_themselves(config)
    except AssertionError as error:
        yield f"a fill has two contents: {error}"


def _in_postgres(house: House) -> Iterator[str]:
    trades = records(house.config, TRADES, Trade)
    for check in (checks.postgres_has_the_topics(house.config), checks.postgres_has_the_candles(house.config, trades)):
        yield from check.differences


def _bounded(house: House) -> Iterator[str]:
    for name in house.supervisor.names():
        process = house.process(name)
        resident = process.memory_info().rss if process is not None else 0
        if resident > RESIDENT_MAX:
            yield f"{name} holds {resident >> 20} MB"
    letters = count(house.config, DEAD_LETTER_TOPICS)
    if letters > house.unreadable:
        yield f"{letters} dead letters, and {house.unreadable} frames were spoiled"


def _stopped(house: House, stopped: set[str]) -> Iterator[str]:
    settings, books = settings_topic.read_all(house.config), open_orders(house.config, topics.BOOKS)
    for key in sorted(stopped):
        if settings[key].status is not TradingStatus.OFF:
            yield f"{key} is {settings[key].status} again"
        if books.get(key):
            yield f"{key} has orders at the exchange: {sorted(books[key])}"
