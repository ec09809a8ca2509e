"""Which trades are no newer than the newest one."""

import pytest

from streams.trading.repeats import NONE_YET, Stamp, is_repeat, newest_of

NEWEST = Stamp(10, 100)


@pytest.mark.parametrize(
    ("trade", "repeat", "newest"),
    [
        (Stamp(10, 100), True, NEWEST),
        (Stamp(9, 99), True, NEWEST),
        (Stamp(9, 100), True, NEWEST),
        (Stamp(11, 101), False, Stamp(11, 101)),
        (Stamp(11, 100), False, Stamp(11, 100)),  # several trades of one moment
        (Stamp(11, 98), False, Stamp(11, 100)),  # the exchange's clock stepped back
        (Stamp(1, 101), False, Stamp(1, 101)),  # ids begin anew
    ],
)
def test_repeats(trade: Stamp, repeat: bool, newest: Stamp) -> None:
    assert (is_repeat(NEWEST, trade), newest_of(NEWEST, trade)) == (repeat, newest)


def test_the_first_trade_is_new_whatever_its_id() -> None:
    assert not is_repeat(NONE_YET, Stamp(0, 0))
