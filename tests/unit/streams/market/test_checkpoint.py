"""What is stored of a market, how often and how large; that it gives the same market is a property test."""

import msgspec
import pytest

from schemas.units import ONE
from streams.market.buckets import MarketTrade
from streams.market.checkpoint import Part, part_key, rebuild, take_checkpoint
from streams.market.day_range import day_range
from streams.market.rules import WatchRules
from streams.market.state import new_state
from streams.market.step import apply_trades
from tests.unit.streams.market.tape import INSTRUMENT, SECOND, columns, play, tape, time_of


def keys(text: str, before: int) -> list[str]:
    """The keys of the parts that go with a checkpoint, of which the one before was taken after so many trades."""
    state, trades = new_state(INSTRUMENT), tape(text)
    apply_trades(state, columns(trades[:before]), WatchRules())
    take_checkpoint(state)
    apply_trades(state, columns(trades[before:]), WatchRules())
    return [part_key(INSTRUMENT, part).removeprefix(INSTRUMENT) for part in take_checkpoint(state).parts]


# 12:00 of the first day of the tapes has row 894 of 1,441 and row 28 of 31; on the second day rows 893 and 19.
@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("12:00 1\n12:00:09 1", 1, []),
        ("12:00 1\n12:00:09 1\n12:00:10 1", 1, ["#s28"]),
        ("12:00 1\n12:01 1\n12:01 1", 2, []),
        ("12:00 1\n12:01 1", 1, ["#894", "#s28"]),
        ("12:00 1\n12:01 1\n12:00:05 1", 2, ["#894", "#s28"]),
        ("12:00:05 1\n12:05:02 1\n12:00:06 1", 2, ["#894", "#s28"]),
        ("12:00 1\n1+12:00 1\n1+12:00:05 1", 2, []),
        ("12:00 1\n1+12:00 1\n1+12:01 1", 2, ["#893", "#departed", "#s19"]),
    ],
)
def test_a_part_is_stored_when_it_has_changed(text: str, before: int, expected: list[str]) -> None:
    assert keys(text, before) == expected


def test_a_second_of_a_busy_instrument_takes_less_than_a_kilobyte() -> None:
    """20 trades in each second, and room for what the broker adds to a record."""
    seconds, written = 600, 0
    state = new_state(INSTRUMENT)
    for second in range(seconds):
        for i in range(20 * second, 20 * second + 20):
            price, quantity = (6_170_214 + i % 977) * ONE // 100, (i + 1) * 12_345_678
            time = time_of("12:00") + second * SECOND + i % 20
            apply_trades(state, columns([MarketTrade(i, price, quantity, 5 * 10**9 + i, time, False)]), WatchRules())
        head = take_checkpoint(state)
        values = {INSTRUMENT: head, **{part_key(INSTRUMENT, part): part for part in head.parts}}
        written += sum(len(key) + len(msgspec.json.encode(value)) for key, value in values.items())
    assert written < 800 * seconds


def test_what_has_left_the_window_is_not_taken_from_what_is_stored() -> None:
    old, _ = play("12:00 1\n12:01 2\n12:02 3")
    stored: list[Part] = [*take_checkpoint(old).parts]
    assert [part_key("", part) for part in stored] == ["#894", "#895", "#s28", "#s3"]
    new, _ = play("12:00 1\n12:01 2\n12:02 3\n2+00:00 4")
    head = take_checkpoint(new)
    rebuilt = rebuild(msgspec.structs.replace(head, parts=[]), stored)
    assert day_range(rebuilt.history) == day_range(new.history)
    assert rebuilt.average == msgspec.structs.replace(new.average, changed=set())


def test_the_head_goes_before_what_is_stored() -> None:
    before = "12:00 1\n12:01 2\n"
    state, _ = play(before + "12:00:30 3\n12:01:30 4")
    older, newer = take_checkpoint(play(before)[0]), take_checkpoint(play(before + "12:01:30 5\n12:02 1")[0])
    rebuilt = rebuild(take_checkpoint(state), [*older.parts, *newer.parts])
    assert day_range(rebuilt.history) == day_range(state.history)
    assert msgspec.structs.replace(rebuilt.average, changed=set()) == state.average


def test_parts_that_may_not_have_been_stored_go_with_the_next_head_again() -> None:
    state, _ = play("12:00 1\n12:01 2\n1+12:01 3")
    head = take_checkpoint(state)
    assert head.parts
    assert take_checkpoint(state).parts == []
    assert take_checkpoint(rebuild(head, [])).parts == head.parts
