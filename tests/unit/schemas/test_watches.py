"""What a watch may say, and that two who change one at once both hold, as with settings."""

from typing import Any

import msgspec
import pytest

from schemas.errors import Refused
from schemas.records import changeable
from schemas.units import ONE
from schemas.watches import AlertKind, Watch

KNOWN = Watch(exchange="binance", symbol="XRPUSDT", revision=4, updated_time=10)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"deviation": 0}, "deviation: 0 is not between 0.00000001 and 0.99999999"),
        ({"deviation": ONE}, "deviation: 1 is not between"),
        ({"apart": 0}, "apart: 0 is not between 0.00000001 and 0.99999999"),
        ({"apart": ONE}, "apart: 1 is not between"),
        ({"pair": "B" * 41}, "pair: 'BBB"),
        ({"cooldown": -1}, "cooldown: -1 is not between 0 and 86400"),
        ({"coverage": 86_401}, "coverage: 86401 is not between 0 and 86400"),
        ({"silence": 86_401}, "silence: 86401 is not between"),
        ({"digest_minutes": 1_441}, "digest_minutes: 1441 is not between 0 and 1440"),
        ({"kinds": "off-average,weather"}, "kinds: 'weather' is none of off-average, day-range"),
        ({"kinds": "off-average,"}, "kinds: '' is none of"),
        ({"changed": "exchange"}, "changed: 'exchange' is none of apart, cooldown, coverage"),
    ],
)
def test_what_it_may_not_say_is_named(changes: dict[str, Any], words: str) -> None:
    KNOWN.check()
    with pytest.raises(Refused) as error:
        msgspec.structs.replace(KNOWN, **changes).check()
    assert str(error.value).startswith(words)


def test_two_changes_that_knew_the_same_both_hold() -> None:
    threshold = msgspec.structs.replace(KNOWN, deviation=ONE // 2).changing(KNOWN)
    unwatched = msgspec.structs.replace(KNOWN, watched=False).changing(KNOWN)
    held = unwatched.upon(threshold.upon(KNOWN))
    assert (held.deviation, held.watched, held.cooldown) == (ONE // 2, False, KNOWN.cooldown)
    assert not unwatched.says_all_of(held)
    assert held.restated().says_all_of(held)


def test_everything_but_its_key_can_be_changed() -> None:
    names = {"exchange", "symbol", "updated_time", "changed", "revision"}
    assert changeable(Watch) == set(Watch.__struct_fields__) - names


def test_all_kinds_are_wanted_unless_said_otherwise() -> None:
    assert set(KNOWN.wanted_kinds) == set(AlertKind)
    assert msgspec.structs.replace(KNOWN, kinds="").wanted_kinds == ()
