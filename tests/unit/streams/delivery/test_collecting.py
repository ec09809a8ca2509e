"""What the garbage collector leaves out of its full collections."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from streams.delivery import collecting


class Circle:
    """An object that refers to itself: only the collector frees it."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = list(gc.callbacks)
    yield
    gc.callbacks[:] = before
    gc.unfreeze()


def test_what_has_lived_through_a_full_collection_is_left_out_of_the_next() -> None:
    collecting.keep()
    new = Circle()
    assert any(new is each for each in gc.get_objects())
    gc.collect()
    assert not any(new is each for each in gc.get_objects())


def test_garbage_is_collected_all_the_same() -> None:
    collecting.keep()
    told = weakref.ref(Circle())
    gc.collect()
    assert told() is None


def test_a_collection_of_what_is_young_leaves_nothing_out() -> None:
    collecting.keep()
    new = Circle()
    gc.collect(1)
    assert any(new is each for each in gc.get_objects())


def test_a_circle_that_was_left_out_goes_once_it_is_looked_at_again() -> None:
    collecting.keep()
    old = Circle()
    gc.collect()
    told = weakref.ref(old)
    del old
    gc.collect()
    assert told() is not None
    collecting.look_again()
    gc.collect()
    assert told() is None


def test_it_is_told_once_however_often_it_begins() -> None:
    collecting.keep()
    many = len(gc.callbacks)
    collecting.keep()
    assert len(gc.callbacks) == many
