"""When the Kafka client fetches. Played is what of it decides on that; the real one is in `tests/e2e`."""

import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from streams.delivery.fetching import FETCH_EVERY_S, HELD_MAX_S, ClientOnLoop, Fetching

ALL = [TopicPartition("trades", 0), TopicPartition("settings", 0), TopicPartition("leaders-changelog", 0)]
"""As the client names them; Faust, which says what is paused, has a type of its own."""
TRADES, SETTINGS, CHANGELOG = ALL


class PlayedAssignment:
    """Partitions; of some nobody knows from where on to read."""

    def __init__(self, unplaced: Sequence[TopicPartition] = ()) -> None:
        self.tps, self._unplaced = ALL, unplaced

    def state_value(self, tp: TP) -> Any:
        return SimpleNamespace(has_valid_position=tp not in self._unplaced)


class PlayedFetcher(SimpleNamespace):
    """A fetcher that fetches all that it looks at, whenever it is asked; `told` counts how often it was woken."""

    told = 0
    _wait_consume_future = object()

    def _get_actions_per_node(self, assignment: Any) -> Any:
        return ([("node", assignment.tps)] if assignment.tps else []), {}, 0.2, False, []

    def _notify(self, future: object) -> None:
        assert future is self._wait_consume_future
        self.told += 1


def _fetched(fetcher: PlayedFetcher, unplaced: Sequence[TopicPartition] = ()) -> list[TopicPartition]:
    requests = fetcher._get_actions_per_node(PlayedAssignment(unplaced))[0]
    return [tp for _, wanted in requests for tp in wanted]


async def test_fetches_as_the_client_does_until_it_is_held() -> None:
    fetcher = PlayedFetcher()
    fetching = Fetching(fetcher, tuple)
    assert _fetched(fetcher) == ALL
    await fetching.resume()
    assert not fetcher.told  # there was nothing to resume


async def test_held_it_fetches_nothing_until_it_is_resumed() -> None:
    fetcher = PlayedFetcher()
    fetching = Fetching(fetcher, tuple)
    fetching.hold()
    requests, resets, wait_s, *_ = fetcher._get_actions_per_node(PlayedAssignment())
    assert (requests, resets) == ([], {})
    assert 0 < wait_s <= HELD_MAX_S
    await fetching.resume()
    assert fetcher.told == 1
    assert _fetched(fetcher) == ALL


async def test_held_again_and_again_it_keeps_its_pace() -> None:
    fetching = Fetching(PlayedFetcher(), tuple)
    await fetching.resume()
    begin = time.monotonic()
    for _ in range(3):
        fetching.hold()
        await fetching.resume()
    assert time.monotonic() - begin >= 3 * FETCH_EVERY_S


def test_held_and_forgotten_it_fetches_when_the_time_is_over() -> None:
    """A seek after a rebalance needs the client when nobody takes records, so nobody would resume it."""
    fetcher = PlayedFetcher()
    Fetching(fetcher, tuple).hold()
    time.sleep(fetcher._get_actions_per_node(PlayedAssignment())[2])
    assert _fetched(fetcher) == ALL


def test_what_is_paused_is_not_fetched_until_it_is_resumed() -> None:
    fetcher, paused = PlayedFetcher(), {TP(*CHANGELOG)}
    Fetching(fetcher, lambda: paused)
    assert _fetched(fetcher) == [TRADES, SETTINGS]
    paused |= {TP(*TRADES), TP(*SETTINGS)}
    assert _fetched(fetcher) == []
    assert fetcher._get_actions_per_node(PlayedAssignment())[2] == HELD_MAX_S
    paused.clear()
    assert _fetched(fetcher) == ALL


def test_what_is_paused_is_looked_at_until_it_is_known_from_where_on_to_read() -> None:
    fetcher = PlayedFetcher()
    Fetching(fetcher, lambda: {TP(*tp) for tp in ALL})
    assert _fetched(fetcher, [CHANGELOG]) == [CHANGELOG]


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
