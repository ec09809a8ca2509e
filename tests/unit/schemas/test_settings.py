"""Settings as records that say what they change: taken one upon the other, nothing of another command is lost."""

from typing import Any

import msgspec
import pytest

from schemas.errors import Refused
from schemas.records import CHANGEABLE, Settings, TradingStatus
from tests.samples import settings

KNOWN = settings(status=TradingStatus.ON, budget="300", chunks=3, updated_time=10)


def changed(before: Settings, **values: Any) -> Settings:
    return msgspec.structs.replace(before, **values).changing(before)


def test_a_stop_beside_a_set_both_hold_in_either_order() -> None:
    stop, budget = changed(KNOWN, status=TradingStatus.OFF), changed(KNOWN, budget=7, updated_time=9)
    assert (stop.changed, budget.changed) == ("status", "budget")
    wanted = msgspec.structs.replace(KNOWN, status=TradingStatus.OFF, budget=7)
    assert budget.upon(stop.upon(KNOWN)) == wanted == stop.upon(budget.upon(KNOWN))


def test_of_two_changes_of_one_field_the_later_holds() -> None:
    first, second = changed(KNOWN, chunks=4), changed(KNOWN, chunks=2)
    assert second.upon(first.upon(KNOWN)).chunks == 2
    assert first.upon(second.upon(KNOWN)).chunks == 4


def test_a_record_that_changes_nothing_says_what_held_and_takes_nothing() -> None:
    whole = msgspec.structs.replace(KNOWN, budget=5, changed="")
    assert whole.upon(KNOWN) == KNOWN
    assert whole.upon(None) == msgspec.structs.replace(whole, changed=None)


def test_a_record_of_before_there_were_changes_replaces_all() -> None:
    assert settings(chunks=9).upon(KNOWN) == settings(chunks=9)


def test_every_field_but_the_key_and_the_time_can_be_changed() -> None:
    assert {"exchange", "symbol", "updated_time", "changed"} == set(Settings.__struct_fields__) - CHANGEABLE


@pytest.mark.parametrize("field", ["symbol", "changed", "price", " budget"])
def test_a_change_of_what_cannot_be_changed_is_refused(field: str) -> None:
    with pytest.raises(Refused, match=f"changed: '{field}' is none of budget, "):
        msgspec.structs.replace(KNOWN, changed=f"chunks,{field}").check()
