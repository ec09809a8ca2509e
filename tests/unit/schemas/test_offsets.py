"""What a group has committed counts in the topic in which it was committed."""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from schemas.offsets import committed_in, noted

IDS = {"trades": "KTOBOuWdSfm+OP58Ij344w"}


class Answers:
    """A broker that has one position of a group."""

    def __init__(self, place: TopicPartition) -> None:
        self._place = place

    def list_consumer_group_offsets(self, _: Any, **__: Any) -> Mapping[str, Future[ConsumerGroupTopicPartitions]]:
        future: Future[ConsumerGroupTopicPartitions] = Future()
        future.set_result(ConsumerGroupTopicPartitions("workers", [self._place]))
        return {"workers": future}


@pytest.mark.parametrize(
    ("topic", "metadata", "counts"),
    [
        ("trades", "KTOBOuWdSfm+OP58Ij344w;", True),
        ("trades", "KTOBOuWdSfm+OP58Ij344w;lo5", True),  # read past its end
        ("trades", "", True),
        ("trades", "another;", False),
        ("trades", "KTOBOuWdSfm+OP58Ij344;", False),
        ("unknown", "another;", True),
    ],
)
def test_an_offset_counts_in_its_topic(topic: str, metadata: str, counts: bool) -> None:
    client: Any = Answers(TopicPartition(topic, 3, 7, metadata))
    assert committed_in(client, ["workers"], IDS) == {"workers": {(topic, 3): 7 if counts else -1}}


def test_what_is_committed_has_an_end() -> None:
    assert noted("trades", IDS) == "KTOBOuWdSfm+OP58Ij344w;"
    assert noted("unknown", IDS) == ""
