"""A pair in parts: what is stored of it, and what a crash in between leaves."""

import msgspec

from streams.market.apart import KEPT_SECONDS, Pair, show_quote
from streams.market.apart_parts import PairHead, PointBlock, block_name, rebuild_pair, take_blocks, take_head
from streams.market.quotes import Quote

SECOND, START = 1_000_000, 1_795_694_460
"""A whole minute."""


def state_of(*quotes: tuple[str, int]) -> Pair:
    """The pair after quotes of these instruments in these seconds after the start."""
    state = Pair("BTC/USD")
    for instrument, second in quotes:
        show_quote(state, Quote(instrument, "BTC/USD", 100, (START + second) * SECOND, 1, 2, 3))
    return state


def times(state: Pair) -> dict[str, list[int]]:
    return {name: [time // SECOND - START for time in line.times] for name, line in state.lines.items()}


def stored(head: PairHead) -> PairHead:
    return msgspec.json.decode(msgspec.json.encode(head), type=PairHead)


def test_points_that_the_head_does_not_know_yet_are_left_out() -> None:
    first = [("a:X", 0), ("b:X", 0), ("a:X", 30)]
    head = stored(take_head(state_of(*first)))
    blocks = list(take_blocks(state_of(*first, ("a:X", 59), ("b:X", 60), ("c:X", 1)), {}))
    rebuilt = rebuild_pair(head, blocks)
    assert times(rebuilt) == {"a:X": [0, 30], "b:X": [0]}
    assert rebuilt.decided == {"a:X b:X": START}


def test_minutes_that_have_grown_are_stored_whole_and_no_others() -> None:
    state = state_of(("a:X", 0), ("a:X", 61), ("a:X", 90), ("b:X", 5), ("a:X", 130))
    since = {"a:X": (START + 61) * SECOND, "b:X": (START + 5) * SECOND}
    minute = START // 60
    assert [(block.slot, block.number - minute, len(block.numbers) // 5) for block in take_blocks(state, since)] == [
        (0, 1, 2),
        (0, 2, 1),
    ]


def test_what_is_older_than_is_kept_is_gone_and_its_name_is_used_again() -> None:
    quotes = [("a:X", minute * 60) for minute in range(200)]
    names: dict[str, PointBlock] = {}
    for count in range(1, len(quotes) + 1):
        state = state_of(*quotes[max(0, count - 100) : count])
        names |= {block_name(block): block for block in take_blocks(state, {})}
    head = stored(take_head(state))
    assert len(names) == KEPT_SECONDS // 60 + 10
    assert times(rebuild_pair(head, names.values())) == times(state)
    assert times(state) == {"a:X": [second for _, second in quotes if second >= quotes[-1][1] - KEPT_SECONDS]}
