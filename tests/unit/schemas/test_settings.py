"""Settings as records that say what they change: taken one upon the other, nothing of another command is lost."""

from typing import Any

import msgspec
import pytest

from schemas.errors import Refused
from schemas.records import Settings, TradingStatus, changeable
from tests.samples import settings

KNOWN = settings(status=TradingStatus.ON, budget="300", chunks=3, updated_time=10)


def changed(before: Settings, **values: Any) -> Settings:
    return msgspec.structs.replace(before, **values).changing(before)


def test_a_stop_beside_a_set_both_hold_in_either_order() -> None:
    stop, budget = changed(KNOWN, status=TradingStatus.OFF), changed(KNOWN, budget=7, updated_time=9)
    assert (stop.changed, budget.changed) == ("status", "budget")
    wanted = msgspec.structs.replace(KNOWN, status=TradingStatus.OFF, budget=7, revision=1)
    assert budget.upon(stop.upon(KNOWN)) == wanted == stop.upon(budget.upon(KNOWN))


def test_of_two_changes_of_one_field_the_later_holds() -> None:
    first, second = changed(KNOWN, chunks=4), changed(KNOWN, chunks=2)
    assert second.upon(first.upon(KNOWN)).chunks == 2
    assert first.upon(second.upon(KNOWN)).chunks == 4


def test_what_compaction_has_taken_is_in_the_record_that_stayed() -> None:
    """Two changes one after the other, and a reader that was away during both sees the second only."""
    first = changed(KNOWN, budget=7).upon(KNOWN)
    second = changed(first, status=TradingStatus.OFF)
    assert second.changed == "status"
    assert second.upon(KNOWN) == second.upon(first)
    assert second.upon(KNOWN).budget == 7


def test_a_record_that_says_all_is_taken_whole_by_those_who_missed_something() -> None:
    stop, budget = changed(KNOWN, status=TradingStatus.OFF), changed(KNOWN, budget=7)
    held = budget.upon(stop.upon(KNOWN))
    assert not budget.says_all_of(held)
    whole = held.restated()
    assert whole.says_all_of(held)
    for known in (None, KNOWN, stop.upon(KNOWN), budget.upon(KNOWN), held):
        after = whole.upon(known)
        assert (after.status, after.budget) == (TradingStatus.OFF, 7)


def test_a_record_that_says_all_takes_nothing_back_that_came_before_it() -> None:
    held = changed(KNOWN, budget=7).upon(KNOWN)
    whole = held.restated()
    later = changed(held, chunks=9).upon(held)
    assert whole.upon(later).chunks == 9


def test_a_record_of_before_there_were_changes_replaces_all() -> None:
    assert settings(chunks=9).upon(KNOWN) == settings(chunks=9)


def test_every_field_but_the_key_and_the_time_can_be_changed() -> None:
    assert {"exchange", "symbol", "updated_time", "changed", "revision"} == set(
        Settings.__struct_fields__
    ) - changeable(Settings)


@pytest.mark.parametrize("field", ["symbol", "changed", "price", " budget"])
def test_a_change_of_what_cannot_be_changed_is_refused(field: str) -> None:
    with pytest.raises(Refused, match=f"changed: '{field}' is none of budget, "):
        msgspec.structs.replace(KNOWN, changed=f"chunks,{field}").check()
