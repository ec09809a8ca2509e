"""Stored states: read in the layout of today, upgraded from an older one, or refused in one line."""

from typing import Any

import msgspec
import pytest

from streams.delivery.changelog import Place, place_of
from streams.delivery.messages import Message
from streams.delivery.states import HEAD, Split, StateCodec, UnreadableState, next_epoch
from tests.unit.streams.delivery.played import KEY, Count

MESSAGES = [Message("fills", KEY, 3, b"\x00\xff"), Message("fills", b"other", None, b"")]


def upgrade(version: int, value: dict[str, Any]) -> dict[str, Any]:
    assert version in (1, 2)
    return {"version": 3, "offsets": {}, "outbox": [], "state": {"count": 10 * value["state"]["count"]}}


def test_what_is_stored_is_read_again() -> None:
    codec = StateCodec("counts", Count)
    stored = codec.decode(KEY, codec.encode({"trades": 7}, Count(count=5), MESSAGES, Place(4, 9)))
    assert (stored.version, stored.offsets, stored.state, stored.outbox) == (2, {"trades": 7}, Count(count=5), MESSAGES)
    assert all(isinstance(message, Message) for message in stored.outbox)
    assert (stored.epoch, stored.revision) == (4, 9)


@pytest.mark.parametrize(
    ("stored", "generation", "epoch"),
    [(0, 1, 1), (6, 7, 7), (3, 9, 9), (7, 7, 8), (50, 1, 51), (51, 2, 52), (50, None, 51)],
    ids=["before epochs", "next", "later", "same", "a group begun anew", "its next", "no group"],
)
def test_an_epoch_is_the_generation_and_always_higher_than_what_was_stored(
    stored: int, generation: int | None, epoch: int
) -> None:
    assert next_epoch(stored, generation) == epoch


@pytest.mark.parametrize(
    "value", [{"state": {"count": 4}, "outbox": []}, {"version": 2, "state": {"count": 4}, "outbox": [], "offsets": {}}]
)
def test_an_older_layout_is_upgraded(value: dict[str, Any]) -> None:
    codec = StateCodec("counts", Count, 3, upgrade)
    assert codec.decode(KEY, msgspec.json.encode(value)).state == Count(count=40)


@pytest.mark.parametrize(
    ("layout", "version", "told"), [(2, None, 1), (2, 1, 1), (2, 3, 3), (3, 4, 4)], ids=["none", "old", "new", "newer"]
)
def test_a_layout_that_nobody_can_read_is_refused_in_one_line(layout: int, version: int | None, told: int) -> None:
    codec = StateCodec("counts", Count, layout, upgrade if layout == 3 else None)
    value = {"state": {"count": 4}, "outbox": [], "offsets": {}, **({"version": version} if version else {})}
    expected = f"table counts: the state of {KEY.decode()} has layout {told}, and this program reads layout {layout}"
    with pytest.raises(UnreadableState) as refused:
        codec.decode(KEY, msgspec.json.encode(value))
    assert str(refused.value) == expected


def halves(count: int) -> Split[Count]:
    """A count, its tens as a part."""
    return Split(
        head=int,
        part=int,
        names=("tens", "hundreds"),
        take=lambda state: [(HEAD, state.count % 10), *([("tens", state.count // 10)] if state.count > count else [])],
        rebuild=lambda head, parts: Count(count=head + 10 * sum(parts)),
        change_all=lambda state: None,
    )


def test_a_state_in_parts_is_read_again() -> None:
    codec = StateCodec("counts", Count, 3, upgrade, halves(0))
    stored = dict(codec.encode_all(KEY, {"trades": 7}, Count(count=57), MESSAGES, Place(4, 9)))
    assert list(stored) == [KEY, KEY + b"#tens"]
    assert [place_of(value) for value in stored.values()] == [(4, 9), (4, 9)]
    found = codec.decode(KEY, stored[KEY], stored.get)
    assert (found.offsets, found.state, found.outbox) == ({"trades": 7}, Count(count=57), MESSAGES)
    assert [codec.is_part(key) for key in (*stored, b"a#b", b"#hundreds")] == [False, True, False, True]
    unchanged = StateCodec("counts", Count, split=halves(99))
    assert len(list(unchanged.encode_all(KEY, {}, Count(count=57), [], Place()))) == 1


def test_a_part_of_a_layout_that_nobody_can_read_is_refused() -> None:
    stored = dict(StateCodec("counts", Count, 4, split=halves(0)).encode_all(KEY, {}, Count(count=57), [], Place()))
    codec = StateCodec("counts", Count, split=halves(0))
    head = dict(codec.encode_all(KEY, {}, Count(count=57), [], Place()))[KEY]
    with pytest.raises(UnreadableState, match=r"table counts: the state of .*#tens has layout 4, and this program"):
        codec.decode(KEY, head, stored.get)
