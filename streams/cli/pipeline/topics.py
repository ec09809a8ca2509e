"""`hedgehog topics`: create what is missing, list what is there."""

from schemas.broker import create_topics
from schemas.topics import TOPICS
from streams.cli.endpoints import with_broker
from streams.cli.output import Output
from streams.cli.pipeline.options import CreateTopics, ListTopics
from streams.cli.pipeline.parts import topics

COLUMNS = ("topic", "state", "partitions", "messages", "cleanup", "purpose")


def create(asked: CreateTopics, out: Output) -> None:
    """Create the topics that are missing, and name them."""
    created = create_topics(with_broker())
    out.rows([{"topic": name, "state": "created"} for name in created], ("topic", "state"), empty="every topic exists")
    if 0 < len(created) < len(TOPICS):
        out.note("the other topics are from before: their records, schemas and tables have to be upgraded")
        out.note("next: make infra-up, before anything else is started")
    else:
        out.note("next: hedgehog settings seed")


def list_topics(asked: ListTopics, out: Output) -> None:
    """Show every topic of the system, those that are missing among them."""
    rows = topics(with_broker())
    out.rows(rows, COLUMNS)
    if any(row["state"] == "missing" for row in rows):
        out.note("next: hedgehog topics create")
