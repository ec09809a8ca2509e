"""Watches as they are typed: values, what changes, what is shown."""

import pytest

from schemas.units import ONE
from schemas.watches import AlertKind, Watch
from streams.cli.errors import BadValue
from streams.cli.watch.changes import as_row, changed, parse_wishes
from streams.cli.watch.options import Wishes

XRP = "binance:XRPUSDT"
WATCH = Watch(exchange="binance", symbol="XRPUSDT", revision=3)


def test_values_are_parsed() -> None:
    wishes = Wishes("0.015", "9m", "1h", "5", "0s", "off-average, order-filled")
    assert parse_wishes(wishes) == {
        "deviation": 15 * ONE // 1_000,
        "cooldown": 540,
        "coverage": 3_600,
        "digest_minutes": 5,
        "silence": 0,
        "kinds": "off-average,order-filled",
    }
    assert parse_wishes(Wishes(kinds="all")) == {"kinds": ",".join(AlertKind)}
    assert parse_wishes(Wishes()) == {}


def test_only_what_differs_changes() -> None:
    other = "binance:ETHUSDT"
    made = changed({XRP: WATCH}, [XRP, other], {"watched": True, "cooldown": 300}, 7)
    # the one is so already, the other is watched by nobody yet
    ((before, after),) = made
    assert (before.instrument, before.watched, after.watched, after.updated_time) == (other, False, True, 7)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"deviation": ONE}, "binance:XRPUSDT: deviation: 1 is not between"),
        ({"kinds": "x"}, "binance:XRPUSDT: kinds: 'x' is none of"),
    ],
)
def test_what_may_not_be_is_named_and_nothing_is_written(values: dict[str, int], words: str) -> None:
    with pytest.raises(BadValue) as error:
        changed({XRP: WATCH}, [XRP], values, 7)
    assert str(error.value).startswith(words)


def test_a_row() -> None:
    assert as_row(WATCH) == {
        "instrument": XRP,
        "watched": True,
        "deviation": "0.02",
        "cooldown": "5m",
        "coverage": "1d",
        "digest_minutes": 1,
        "silence": "15m",
        "kinds": "all",
    }
