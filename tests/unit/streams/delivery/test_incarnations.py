"""A topic that was deleted and made anew: what was noted of the old one says nothing about it."""

import logging
from typing import Any

import msgspec
import pytest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from streams.delivery.fetching import noting_topics
from streams.delivery.states import StateCodec
from tests.unit.streams.delivery.played import KEY, Count, Event, House, batch, step

IDS = {"trades": "first", "settings": "only"}


async def counted(house: House, *offsets: int, topic: str = "trades") -> int:
    """How often the instrument was counted once these came."""
    await house.apply(batch(*(Event(offset) for offset in offsets), topic=topic), step)
    return stored(house).state.count


def stored(house: House) -> Any:
    return StateCodec("counts", Count).decode(KEY, house.table.data[KEY])


async def test_what_is_stored_says_which_topics_its_offsets_are_in() -> None:
    house = House(topic_ids=IDS)
    assert await counted(house, 0, 1, 2) == 3
    assert (stored(house).offsets["trades"], stored(house).topics) == (2, IDS)
    again = house.restarted()
    assert await counted(again, 0, 1, 2, 3) == 4
    assert again.anew == []


async def test_a_topic_that_was_made_anew_is_read_from_its_beginning(caplog: pytest.LogCaptureFixture) -> None:
    house = House(topic_ids=IDS)
    await counted(house, 0, 1, 2)
    await counted(house, 5, topic="settings")
    anew = house.restarted(trades="second")
    with caplog.at_level(logging.WARNING):
        assert await counted(anew, 0, 1) == 6
        assert await counted(anew, 1, 2) == 7
        assert await counted(anew, 4, 5, topic="settings") == 7, "the other input is the one it was"
    assert anew.anew == [("trades", "second")]
    assert [record.message for record in caplog.records] == [
        "counter: topics made anew since states were stored, begun anew: trades (was first, is second)"
    ]
    assert stored(anew).topics == {"trades": "second", "settings": "only"}
    later = anew.restarted()
    assert await counted(later, 1, 2, 3) == 8
    assert later.anew == []


async def test_it_is_said_once_of_an_agent(caplog: pytest.LogCaptureFixture) -> None:
    house = House(topic_ids=IDS)
    keys = [b"binance:AUSDT", b"binance:BUSDT", b"binance:CUSDT"]
    await house.apply(batch(*(Event(offset, key) for offset, key in enumerate(keys))), step)
    anew = house.restarted(trades="second")
    with caplog.at_level(logging.WARNING):
        await anew.apply(batch(*(Event(offset, key) for offset, key in enumerate(keys))), step)
    assert len(anew.anew) == 3
    assert len(caplog.records) == 1


async def test_a_state_from_before_ids_were_noted_takes_those_that_there_are() -> None:
    house = House()
    await counted(house, 0, 1, 2)
    value = msgspec.json.decode(house.table.data[KEY])
    del value["topics"]
    upgraded = House(topic_ids=IDS)
    upgraded.table.data[KEY] = msgspec.json.encode(value)
    assert await counted(upgraded, 0, 1, 2, 3) == 4
    assert (upgraded.anew, stored(upgraded).topics) == ([], IDS)


async def test_a_commit_says_in_which_topic_its_offsets_are() -> None:
    committed: list[Any] = []

    async def commit(offsets: Any) -> None:
        committed.append(offsets)

    trades, unknown = TopicPartition("trades", 3), TopicPartition("unknown", 0)
    await noting_topics(commit, IDS)({trades: OffsetAndMetadata(7, ""), unknown: OffsetAndMetadata(8, "")})
    assert committed == [{trades: OffsetAndMetadata(7, "first"), unknown: OffsetAndMetadata(8, "")}]
