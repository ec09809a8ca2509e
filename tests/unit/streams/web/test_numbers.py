"""Numbers as people read them, exact to the last place."""

import pytest

from streams.web.model.numbers import fixed, percent, places_of, points, rounded, share
from tests.samples import units


@pytest.mark.parametrize(
    ("text", "places", "shown"),
    [
        ("61739.87", 2, "61739.87"),
        ("61739.8", 2, "61739.80"),
        ("61739", 0, "61739"),
        ("0.00001215", 8, "0.00001215"),
        ("0.5", 0, "0.5"),
        ("-0.4", 2, "-0.40"),
        ("123456789.12345678", 2, "123456789.12345678"),
    ],
)
def test_a_price_has_the_places_of_its_tick_and_never_fewer_than_it_has(text: str, places: int, shown: str) -> None:
    assert fixed(units(text), places) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("0.005", "0.01"), ("-0.005", "-0.01"), ("-0.0049", "0.00"), ("12.406", "12.41"), ("0", "0.00")]
)
def test_money_is_rounded_half_away_from_zero(text: str, shown: str) -> None:
    assert rounded(units(text), 2) == shown


def test_changes_are_of_the_whole() -> None:
    assert percent(units("1.5"), units("100")) == "1.50"
    assert percent(-units("0.44"), units("100")) == "-0.44"
    assert points(-units("37.73"), units("61739.87")) == "-6.1"


@pytest.mark.parametrize(("step", "places"), [("1", 0), ("0.1", 1), ("0.01", 2), ("0.00001", 5), ("0.00000001", 8)])
def test_places_are_those_of_the_step(step: str, places: int) -> None:
    assert places_of(units(step)) == places


def test_a_place_lies_within_its_bounds() -> None:
    assert [share(10, value, 20) for value in (5, 10, 15, 20, 25)] == [0, 0, 500, 1_000, 1_000]
    assert share(10, 10, 10) == 0
