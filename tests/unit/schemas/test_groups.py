"""The groups of an installation, under its prefix; a sink's is named by Kafka Connect after the connector."""

from connectors.files import load_all
from infra.config import Config
from schemas.groups import readers_group, sink_group, sink_name, worker_group
from schemas.topics import ORDERS, SINKS


def test_names_carry_the_prefix() -> None:
    config = Config(topic_prefix="p-")
    assert worker_group(config) == "p-hedgehog"
    assert sink_group(config, ORDERS) == "connect-p-orders-sink"
    assert readers_group(config) == "p-hedgehog-reader"


def test_the_connector_files_name_the_sinks_so() -> None:
    config = Config(topic_prefix="p-")
    assert [sink.name for sink in load_all(config)] == [sink_name(config, topic) for topic in SINKS]
