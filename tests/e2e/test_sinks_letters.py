"""Records that a sink could not read as the registry was away: read again once it answers, and no letter of them."""

import random
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from connectors.interface import states
from infra.config import LOOPBACK, Config
from schemas.groups import sink_name
from schemas.topics import SETTINGS, TRADES, Topic
from tests import samples
from tests.e2e.sinks import World, sink_world, until
from tests.e2e.test_sinks_faults import state_of, watching
from tests.faults.harness.links import Link
from tests.faults.harness.loop import LoopThread

pytestmark = pytest.mark.long

UNKNOWN_ID = 999_999


class Registry:
    """The address of the registry as Kafka Connect has it: nobody answers there until `come` is called."""

    def __init__(self, loop: LoopThread, link: Link) -> None:
        self._loop, self._link = loop, link
        self.url = f"http://{LOOPBACK}:{link.port}"
        self._link.refused = True

    def come(self) -> None:
        self._link.refused = False

    def go(self) -> None:
        self._link.refused = True
        self._loop.do(self._link.cut)


@pytest.fixture
def registry(stack: Config) -> Iterator[Registry]:
    with LoopThread() as loop:
        link = Link("registry", urlsplit(stack.registry).port or 0, random.Random(0))
        loop.wait(link.start)
        yield Registry(loop, link)
        loop.wait(link.stop)


@pytest.fixture
def world(stack: Config, registry: Registry) -> Iterator[World]:
    with sink_world(Config(**{**stack.model_dump(), "connect_registry_url": registry.url})) as world:
        yield world


def letters(world: World, topic: Topic, count: int) -> None:
    until(f"{count} letters", lambda: len(world.dead_letters(topic)) == count)


def numbers(world: World) -> list[int]:
    return [row.trade_id for row in world.rows("SELECT trade_id FROM trades ORDER BY trade_id")]


def unknown(world: World) -> bytes:
    return b"\x00" + UNKNOWN_ID.to_bytes(4, "big") + world.encode(samples.trade("1"))[5:]


def test_what_was_buried_while_the_registry_was_away_is_read_again(world: World, registry: Registry) -> None:
    world.send(*(samples.trade("1.5", trade_id=number) for number in range(1, 301)), samples.settings())
    world.send_raw([(TRADES, samples.INSTRUMENT, unknown(world))])
    letters(world, TRADES, 301)
    letters(world, SETTINGS, 1)
    with watching(world) as said:
        registry.come()
        until("the trades", lambda: len(numbers(world)) == 300)
        until("the settings", lambda: world.rows("SELECT 1 FROM settings"))
        letters(world, SETTINGS, 0)
        letters(world, TRADES, 1)
    (letter,) = world.dead_letters(TRADES)
    assert letter.value() == unknown(world)
    assert [line for line in said if "trades" in line and "offset 0 of partition" in line]
    assert all(sink.running for sink in states(world.config))


def test_a_sink_that_is_paused_stays_so(world: World, registry: Registry) -> None:
    world.send(samples.trade("1.5", trade_id=1))
    letters(world, TRADES, 1)
    world.pause(TRADES)
    registry.come()
    with watching(world):
        letters(world, TRADES, 0)
        until("paused again", lambda: state_of(world, "trades").state == "PAUSED")
    assert numbers(world) == []
    world.connect("PUT", f"/connectors/{sink_name(world.config, TRADES)}/resume")
    until("the trade", lambda: numbers(world) == [1])


def test_letters_of_before_stay_once_each(world: World, registry: Registry) -> None:
    registry.come()
    world.send_raw([(TRADES, samples.INSTRUMENT, b"garbage"), (TRADES, samples.INSTRUMENT, unknown(world))])
    world.send(samples.trade("1.5", trade_id=1))
    until("committed", lambda: numbers(world) == [1] and world.caught_up(TRADES))
    letters(world, TRADES, 2)
    registry.go()
    for what, state in (("stop", "STOPPED"), ("resume", "RUNNING")):
        world.connect("PUT", f"/connectors/{sink_name(world.config, TRADES)}/{what}")
        until(
            state, lambda state=state: {sink.state for sink in states(world.config) if "trades" in sink.name} == {state}
        )
    world.send(*(samples.trade("1.5", trade_id=number) for number in range(2, 50)))
    world.send_raw([(TRADES, samples.INSTRUMENT, b"rubbish")])
    world.send(samples.trade("1.5", trade_id=50))
    letters(world, TRADES, 2 + 48 + 1 + 1)
    registry.come()
    with watching(world):
        until("the trades", lambda: numbers(world) == list(range(1, 51)))
        until("three letters", lambda: len(world.dead_letters(TRADES)) == 3)
        assert sorted(letter.value() or b"" for letter in world.dead_letters(TRADES)) == sorted(
            [b"garbage", b"rubbish", unknown(world)]
        )
