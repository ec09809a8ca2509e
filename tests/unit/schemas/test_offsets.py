"""What a group has committed counts in the topic in which it was committed."""

from typing import Any

import pytest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from infra.config import Config
from schemas import offsets
from schemas.offsets import committed_in

IDS = {"trades": "KTOBOuWdSfm+OP58Ij344w"}


@pytest.mark.parametrize(
    ("topic", "noted", "counts"),
    [
        ("trades", "KTOBOuWdSfm+OP58Ij344w", True),
        ("trades", "", True),
        ("trades", "another", False),
        ("trades", "KTOBOuWdSfm+OP58Ij344", False),
        ("unknown", "", True),
        ("unknown", "another", True),
    ],
)
def test_an_offset_counts_in_its_topic(monkeypatch: pytest.MonkeyPatch, topic: str, noted: str, counts: bool) -> None:
    async def answer(_: Config, groups: list[str]) -> dict[str, dict[Any, Any]]:
        return {group: {TopicPartition(topic, 3): OffsetAndMetadata(7, noted)} for group in groups}

    monkeypatch.setattr(offsets, "_noted", answer)
    assert committed_in(Config(), ["workers"], IDS) == {"workers": {(topic, 3): 7 if counts else -1}}
