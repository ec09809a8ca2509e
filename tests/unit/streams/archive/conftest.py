"""Fixtures of the tests of the archive."""

from pathlib import Path

import pytest

from schemas.records import Trade
from tests.unit.streams.archive.files import NOON, at, data, recording


@pytest.fixture
def two_days(tmp_path: Path) -> list[Trade]:
    """Two symbols over midnight; XRPUSDT has no trade 4 and no trades 7 to 9."""
    times = {number: NOON + 2 * number * 3_600_000_000 for number in (1, 2, 3, 5, 6, 10, 11)}
    return [
        *(at(number, time) for number, time in times.items()),
        *(at(number, time, "200", "ETHUSDT") for number, time in times.items() if number < 4),
    ]


@pytest.fixture
def archive(tmp_path: Path, two_days: list[Trade]) -> Path:
    data("import", recording(tmp_path / "all.csv", two_days), "--out", tmp_path / "archive")
    return tmp_path / "archive"
