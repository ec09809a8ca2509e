"""How many records a reader has still to handle, from the offsets a topic has and those it has committed."""

import pytest

from infra.config import Config
from schemas.offsets import Committed
from schemas.topics import SINKS
from streams.topics.lag import WORKER_TOPICS, readers, records_behind

HELD = {("trades", 0): (0, 10), ("trades", 1): (5, 8), ("orders", 0): (0, 100)}


@pytest.mark.parametrize(
    ("committed", "behind"),
    [
        ({}, 13),
        ({("trades", 0): 10, ("trades", 1): 8}, 0),
        ({("trades", 0): 4, ("trades", 1): 7}, 7),
        # retention has taken what was not handled yet: it cannot be handled any more
        ({("trades", 0): 10, ("trades", 1): 2}, 3),
        # committed after the ends were asked for
        ({("trades", 0): 12, ("trades", 1): 8}, 0),
        ({("orders", 0): 1}, 13),
    ],
)
def test_records_behind(committed: Committed, behind: int) -> None:
    assert records_behind(HELD, "trades", committed) == behind


def test_the_readers_of_a_pipeline() -> None:
    found = readers(Config(topic_prefix="p-"))
    assert next(iter(found)) == "p-hedgehog"
    assert found.pop("p-hedgehog") == WORKER_TOPICS
    assert found == {f"connect-p-{topic.name}-sink": (topic,) for topic in SINKS}
