"""Numbers as exchanges write them."""

import pytest

from producers.numbers import micros, units


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.43183010", 43_183_010), ("1.5", 150_000_000), ("12", 1_200_000_000), ("-0.00000001", -1)],
)
def test_units(text: str, expected: int) -> None:
    assert units(text, "p") == expected


@pytest.mark.parametrize(
    "text", ["", "abc", "1_0.00000000", "٣.00000000", "NaN", "1e2", " 1", "1.000000001", ".0000000x"]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"^p: "):
        units(text, "p")


def test_micros_by_magnitude() -> None:
    assert micros(1_559_865_600_006, "time") == micros(1_559_865_600_006_000, "time")
