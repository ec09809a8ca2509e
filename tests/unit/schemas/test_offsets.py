"""What a group has committed counts in the topic in which it was committed."""

from collections.abc import Iterable

import pytest

from infra.config import Config
from schemas import offsets
from schemas.coordinators import Noted
from schemas.offsets import committed

IDS = {"trades": "KTOBOuWdSfm+OP58Ij344w"}


@pytest.mark.parametrize(
    ("topic", "note", "counts"),
    [
        ("trades", "KTOBOuWdSfm+OP58Ij344w", True),
        ("trades", "", True),
        ("trades", "another", False),
        ("trades", "KTOBOuWdSfm+OP58Ij344", False),
        ("unknown", "", True),
        ("unknown", "another", True),
    ],
)
def test_an_offset_counts_in_its_topic(monkeypatch: pytest.MonkeyPatch, topic: str, note: str, counts: bool) -> None:
    def answer(_: Config, groups: Iterable[str]) -> dict[str, dict[tuple[str, int], Noted]]:
        return {group: {(topic, 3): Noted(7, note)} for group in groups}

    monkeypatch.setattr(offsets, "noted", answer)
    assert committed(Config(), ["workers"], IDS) == {"workers": {(topic, 3): 7 if counts else -1}}
    assert committed(Config(), ["workers"]) == {"workers": {(topic, 3): 7}}
