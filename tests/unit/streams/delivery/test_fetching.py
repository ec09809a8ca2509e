"""When the Kafka client fetches. Played is what of it decides on that; the real one is in `tests/e2e`."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from streams.delivery.fetching import FETCH_EVERY_S, HELD_MAX_S, SELDOM_S, ClientOnLoop, Fetching

TRADES, SETTINGS, CHANGELOG = TP("trades", 0), TP("settings", 0), TP("leaders-changelog", 0)
ALL = [TRADES, SETTINGS, CHANGELOG]
BROKERS = dict.fromkeys(ALL, "node")
OTHERS = {TRADES: "node", SETTINGS: "node", CHANGELOG: "other"}


NONE: frozenset[str] = frozenset()


class PlayedAssignment:
    """Partitions, of which these are paused."""

    def __init__(self, *paused: TP) -> None:
        self.tps, self.paused = ALL, paused

    def state_value(self, tp: TP) -> Any:
        return SimpleNamespace(paused=tp in self.paused)


class PlayedFetcher(SimpleNamespace):
    """A fetcher that fetches what is not paused, whenever it is asked, of the brokers without a fetch under way.

    `told` counts how often it was woken.
    """

    told = 0
    _wait_consume_future = object()

    def __init__(self) -> None:
        super().__init__(in_flight=set())

    def _get_actions_per_node(self, assignment: Any) -> Any:
        wanted: dict[str, list[TP]] = {}
        for tp in assignment.tps:
            if not assignment.state_value(tp).paused and BROKERS[tp] not in self.in_flight:
                wanted.setdefault(BROKERS[tp], []).append(tp)
        return list(wanted.items()), {}, 0.2, False, [len(assignment.tps)]

    def _notify(self, future: object) -> None:
        assert future is self._wait_consume_future
        self.told += 1


def _fetched(fetcher: PlayedFetcher, assignment: PlayedAssignment) -> list[TP]:
    requests = fetcher._get_actions_per_node(assignment)[0]
    return [tp for _, wanted in requests for tp in wanted]


async def test_fetches_as_the_client_does_until_it_is_held() -> None:
    fetcher = PlayedFetcher()
    fetching = Fetching(fetcher, NONE)
    assert _fetched(fetcher, PlayedAssignment()) == ALL
    await fetching.resume()
    assert not fetcher.told  # there was nothing to resume


async def test_held_it_fetches_nothing_until_it_is_resumed() -> None:
    fetcher = PlayedFetcher()
    fetching = Fetching(fetcher, NONE)
    fetching.hold()
    requests, resets, wait_s, *_ = fetcher._get_actions_per_node(PlayedAssignment())
    assert (requests, resets) == ([], {})
    assert 0 < wait_s <= HELD_MAX_S
    await fetching.resume()
    assert fetcher.told == 1
    assert _fetched(fetcher, PlayedAssignment()) == ALL


async def test_held_again_and_again_it_keeps_its_pace() -> None:
    fetching = Fetching(PlayedFetcher(), NONE)
    await fetching.resume()
    begin = time.monotonic()
    for _ in range(3):
        fetching.hold()
        await fetching.resume()
    assert time.monotonic() - begin >= 3 * FETCH_EVERY_S


def test_held_and_forgotten_it_fetches_when_the_time_is_over() -> None:
    """A seek after a rebalance needs the client when nobody takes records, so nobody would resume it."""
    fetcher = PlayedFetcher()
    Fetching(fetcher, NONE).hold()
    time.sleep(fetcher._get_actions_per_node(PlayedAssignment())[2])
    assert _fetched(fetcher, PlayedAssignment()) == ALL


def test_topics_with_seldom_anything_are_named_now_and_then() -> None:
    fetcher, assignment = PlayedFetcher(), PlayedAssignment()
    Fetching(fetcher, frozenset({"settings"}))
    assert _fetched(fetcher, assignment) == ALL
    assert _fetched(fetcher, assignment) == [TRADES, CHANGELOG]
    time.sleep(SELDOM_S)
    assert _fetched(fetcher, assignment) == ALL
    assert _fetched(fetcher, assignment) == [TRADES, CHANGELOG]


def test_a_broker_with_a_fetch_under_way_has_its_turn_after_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its topics with seldom anything could be passed over for ever."""
    fetcher, assignment = PlayedFetcher(), PlayedAssignment()
    Fetching(fetcher, frozenset({"settings"}))
    for tp, broker in OTHERS.items():
        monkeypatch.setitem(BROKERS, tp, broker)
    fetcher.in_flight = {"node"}
    assert _fetched(fetcher, assignment) == [CHANGELOG]
    assert _fetched(fetcher, assignment) == [CHANGELOG]
    fetcher.in_flight = set()
    assert _fetched(fetcher, assignment) == [TRADES, SETTINGS, CHANGELOG]
    assert _fetched(fetcher, assignment) == [TRADES, CHANGELOG]


def test_where_nothing_else_is_fetched_they_are_named_each_time() -> None:
    fetcher, assignment = PlayedFetcher(), PlayedAssignment(TRADES, CHANGELOG)
    Fetching(fetcher, frozenset({"settings"}))
    assert [_fetched(fetcher, assignment) for _ in range(3)] == [[SETTINGS]] * 3


def test_what_is_paused_is_not_looked_at_while_there_is_something_to_fetch() -> None:
    """Else the client would wait for each of them to be resumed, at every fetch."""
    fetcher, assignment = PlayedFetcher(), PlayedAssignment(CHANGELOG)
    Fetching(fetcher, NONE)
    looked_at = [fetcher._get_actions_per_node(assignment)[4] for _ in range(2)]
    assert looked_at == [[3], [2]]
    nothing = PlayedAssignment(*ALL)
    assert fetcher._get_actions_per_node(nothing)[4] == [3]  # so that it wakes when one is resumed


async def test_what_was_never_committed_is_sought_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the real broker: `tests/faults/test_frozen_at_start.py`."""
    places = {TP("trades", 0): 7, TP("settings", 0): None, TP("fills", 0): 0, TP("leaders-changelog", 0): None}

    async def seek_to_committed(_: object) -> Any:
        return places

    async def seek_to_beginning(*partitions: TP) -> None:
        sought.append(partitions)

    monkeypatch.setattr(AIOKafkaConsumerThread, "seek_to_committed", seek_to_committed)
    sought: list[tuple[TP, ...]] = []
    client: Any = ClientOnLoop.__new__(ClientOnLoop)
    client.app = SimpleNamespace(tables=SimpleNamespace(changelog_topics={"leaders-changelog"}))
    client.seek_to_beginning = seek_to_beginning
    assert await client.seek_to_committed() == places
    assert sought == [(TP("settings", 0), TP("fills", 0))]
    places = {TP("trades", 0): 7}
    await client.seek_to_committed()
    assert len(sought) == 1
