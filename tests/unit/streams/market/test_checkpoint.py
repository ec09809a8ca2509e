"""What is stored of a market, how often and how large; that it gives the same market is a property test."""

import msgspec
import pytest

from schemas.units import ONE
from streams.market.averages import Average
from streams.market.buckets import MarketTrade
from streams.market.checkpoint import Part, change_all, part_name, rebuild, take_checkpoint
from streams.market.day_range import day_range
from streams.market.rules import WatchRules
from streams.market.state import new_state
from streams.market.step import apply_trades
from tests.property.market_oracle import final
from tests.unit.streams.market.tape import INSTRUMENT, SECOND, columns, play, tape, time_of


def keys(text: str, before: int) -> list[str]:
    """The keys of the parts that go with a checkpoint, of which the one before was taken after so many trades."""
    state, trades = new_state(INSTRUMENT), tape(text)
    apply_trades(state, columns(trades[:before]), WatchRules())
    take_checkpoint(state)
    apply_trades(state, columns(trades[before:]), WatchRules())
    return [part_name(part) for part in take_checkpoint(state).parts]


def kept(average: Average) -> tuple[int, int, int, list[list[int]]]:
    """What an average goes by."""
    return average.second, average.total, average.known, average.seconds.tolist()


# 12:00 of the first day of the tapes is in row 0 of 312 and row 32 of 64; on the second day in rows 288 and 32.
@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("12:00 1\n12:00:09 1", 1, []),
        ("12:00 1\n12:00:09 1\n12:00:10 1", 1, ["s32"]),
        ("12:00 1\n12:01 1\n12:01 1", 2, []),
        ("12:00 1\n12:01 1", 1, ["m0", "s32"]),
        ("12:00 1\n12:01 1\n12:00:05 1", 2, ["m0", "s32"]),
        ("12:00:05 1\n12:05:02 1\n12:00:06 1", 2, ["m0", "s32"]),
        ("12:00 1\n1+12:00 1\n1+12:00:05 1", 2, []),
        ("12:00 1\n1+12:00 1\n1+12:01 1", 2, ["m288", "departed", "s32"]),
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
        values = {INSTRUMENT: head, **{f"{INSTRUMENT}#{part_name(part)}": part for part in head.parts}}
        written += sum(len(key) + len(msgspec.json.encode(value)) for key, value in values.items())
    assert written < 800 * seconds


def test_what_has_left_the_window_is_not_taken_from_what_is_stored() -> None:
    old, _ = play("12:00 1\n12:01 2\n12:02 3")
    stored: list[Part] = [*take_checkpoint(old).parts]
    assert [part_name(part) for part in stored] == ["m0", "s32", "s38"]
    new, _ = play("12:00 1\n12:01 2\n12:02 3\n2+00:00 4")
    head = take_checkpoint(new)
    rebuilt = rebuild(msgspec.structs.replace(head, parts=[]), stored)
    assert day_range(rebuilt.history) == day_range(new.history)
    assert kept(rebuilt.average) == kept(new.average)


def test_the_head_goes_before_what_is_stored() -> None:
    before = "12:00 1\n12:01 2\n"
    state, _ = play(before + "12:00:30 3\n12:01:30 4")
    older, newer = take_checkpoint(play(before)[0]), take_checkpoint(play(before + "12:01:30 5\n12:02 1")[0])
    rebuilt = rebuild(take_checkpoint(state), [*older.parts, *newer.parts])
    assert day_range(rebuilt.history) == day_range(state.history)
    assert kept(rebuilt.average) == kept(state.average)


def test_parts_that_may_not_have_been_stored_go_with_the_next_head_again() -> None:
    state, _ = play("12:00 1\n12:01 2\n1+12:01 3")
    head = take_checkpoint(state)
    assert head.parts
    assert take_checkpoint(state).parts == []
    assert take_checkpoint(rebuild(head, [])).parts == head.parts


def test_minutes_of_a_worker_that_was_further_on_are_counted_once() -> None:
    """It was frozen: the head that counts is of its successor, which has not seen the late trade of offset 3 yet."""
    text = "12:00 1\n12:01 2\n12:02 3\n12:01:30 9\n12:03 1\n12:02:59 8\n12:00:59 7\n12:04 1"
    ahead, _ = play("\n".join(text.splitlines()[:6]))
    (late, *_), trades = take_checkpoint(ahead).parts, tape(text)
    head = take_checkpoint(play("\n".join(text.splitlines()[:3]))[0])
    state = rebuild(msgspec.structs.replace(head, parts=[]), [*head.parts, late])
    made = apply_trades(state, columns(trades), WatchRules())
    whole, expected = play(text)
    assert day_range(state.history) == day_range(whole.history)
    assert final(made.candles) == final(expected.candles)
    assert max(c.revision for c in made.candles if c.open_time == time_of("12:01")) == 1


def test_all_is_stored_again_when_others_wrote() -> None:
    state, _ = play("12:00 1\n12:20 2\n1+12:01 3")
    first = take_checkpoint(state)
    change_all(state)
    names = [part_name(part) for part in take_checkpoint(state).parts]
    assert {part_name(part) for part in first.parts} - {"m0"} <= set(names)
    assert names[:2] == ["m4", "departed"]
