"""Rules of what is wanted are checked by name."""

import pytest

from schemas.units import ONE
from streams.market.rules import DAY_US, WatchRules


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [("deviation", 1, ONE - 1), ("cooldown", 0, DAY_US), ("coverage", 0, DAY_US), ("digest_minutes", 0, 1_440)],
)
def test_rules_are_within_bounds(field: str, low: int, high: int) -> None:
    WatchRules(**{field: low}).check()
    WatchRules(**{field: high}).check()
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError, match=rf"^{field}: {value} is not between {low} and {high}$"):
            WatchRules(**{field: value}).check()
