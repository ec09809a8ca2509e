"""Bytes that are no record, and a database that refuses: one dead letter each, and on it goes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from connectors.interface import SinkState, states
from connectors.watching import watch
from infra.config import Config
from schemas.topics import FILLS, ORDERS, TRADES
from tests import samples
from tests.e2e.sinks import World, sink_world, until

pytestmark = pytest.mark.long

UNKNOWN_ID = 999_999
LARGEST = 1_048_000
"""Bytes: what the broker takes by default, less key and overhead."""


@pytest.fixture(scope="module")
def world(stack: Config) -> Iterator[World]:
    with sink_world(stack) as world:
        yield world


def has_trade(world: World, trade_id: int) -> bool:
    return bool(world.rows("SELECT 1 FROM trades WHERE trade_id = :id", id=trade_id))


def state_of(world: World, name: str) -> SinkState:
    return next(sink for sink in states(world.config) if sink.name.endswith(f"-{name}-sink"))


def test_each_bad_record_is_one_dead_letter_and_its_neighbours_arrive(world: World) -> None:
    good = [samples.trade("1.5", trade_id=number) for number in range(1, 8)]
    valid = world.encode(good[0])
    order = world.encode(samples.order())
    bad = [
        b"garbage",
        b"\x00" + UNKNOWN_ID.to_bytes(4, "big") + valid[5:],
        b"\x07" + valid[1:],
        valid[:20],
        b"",
    ]
    messages: list[bytes] = []
    for number, value in enumerate(bad):
        messages += [world.encode(good[number]), value]
    messages += [world.encode(good[5]), world.encode(good[6])]
    world.send_raw((TRADES, samples.INSTRUMENT, value) for value in messages)
    until("the trades", lambda: all(has_trade(world, trade.trade_id) for trade in good))
    letters = until("dead letters", lambda: len(found := world.dead_letters(TRADES)) >= len(bad) and found)
    assert sorted(letter.value() or b"" for letter in letters) == sorted(bad)
    for letter in letters:
        headers = dict(letter.headers() or [])
        assert headers["__connect.errors.topic"] == TRADES.full_name(world.config).encode()
        assert headers["__connect.errors.exception.message"]
    assert state_of(world, "trades").running
    assert order not in [letter.value() for letter in letters]


def test_the_largest_record_that_the_broker_takes_is_a_dead_letter_too(world: World) -> None:
    before = len(world.dead_letters(FILLS))
    world.send_raw([(FILLS, samples.INSTRUMENT, b"x" * LARGEST)])
    world.send(samples.fill(f"{samples.INSTRUMENT}:88:B"))
    until("the fill after it", lambda: world.rows("SELECT 1 FROM fills"))
    until("the letter", lambda: len(world.dead_letters(FILLS)) == before + 1)
    assert state_of(world, "fills").running


def test_a_tombstone_stops_no_sink(world: World) -> None:
    world.send_raw([(ORDERS, samples.INSTRUMENT, None)])
    world.send(samples.order(f"{samples.INSTRUMENT}:77:B"))
    until("the order after it", lambda: world.rows("SELECT 1 FROM orders WHERE trader = 77"))
    assert state_of(world, "orders").running


@contextmanager
def watching(world: World) -> Iterator[list[str]]:
    stop, said = threading.Event(), list[str]()
    thread = threading.Thread(target=watch, args=(world.config, stop, said.append, 0.5))
    thread.start()
    try:
        yield said
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def test_a_sink_whose_table_was_gone_goes_on_by_itself(world: World) -> None:
    world.execute("ALTER TABLE trades RENAME TO elsewhere")
    world.send(samples.trade("2", trade_id=50))
    until("failed", lambda: state_of(world, "trades").state == "FAILED")
    assert state_of(world, "trades").error
    world.execute("ALTER TABLE elsewhere RENAME TO trades")
    with watching(world) as said:
        until("the trade", lambda: has_trade(world, 50))
        until("running", lambda: state_of(world, "trades").running)
    assert "failed" in said[0]


def test_a_constraint_violation_fails_the_sink_until_it_is_resolved(world: World) -> None:
    world.execute("ALTER TABLE trades ADD CONSTRAINT test_only CHECK (trade_id <> 60)")
    world.send(*(samples.trade("2", trade_id=number) for number in (59, 60, 61)))
    until("failed by it", lambda: "test_only" in state_of(world, "trades").error)
    with watching(world) as said:
        until("restarted, and failed by it again", lambda: sum("test_only" in line for line in said) >= 2)
        world.execute("ALTER TABLE trades DROP CONSTRAINT test_only")
        until("all three", lambda: all(has_trade(world, number) for number in (59, 60, 61)))
