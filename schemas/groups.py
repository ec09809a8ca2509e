"""The consumer groups of an installation: who reads the topics, by the name that the broker knows."""

from infra.config import Config
from schemas.topics import Topic


def worker_group(config: Config, agents: str = "") -> str:
    """Return the group of the workers with these agents: names in alphabetical order and commas, or "" for all."""
    return f"{config.topic_prefix}hedgehog" + (agents and f":{agents}")


def sink_name(config: Config, topic: Topic) -> str:
    """Return the name that the sink of `topic` has in Kafka Connect."""
    return f"{config.topic_prefix}{topic.name}-sink"


def sink_group(config: Config, topic: Topic) -> str:
    """Return the group of the sink of `topic`, named by Kafka Connect after the sink."""
    return f"connect-{sink_name(config, topic)}"


def notifier_group(config: Config) -> str:
    """Return the group under which the notifier commits what it has told."""
    return f"{config.topic_prefix}hedgehog-notify"


def producer_group(config: Config, exchange: str) -> str:
    """Return the group of which every producer is a member that streams from an exchange, see `producers.presence`."""
    return f"{config.topic_prefix}hedgehog-producer:{exchange}"


def readers_group(config: Config) -> str:
    """Return the group that everybody names who commits nothing: a client has to name one, and joins none."""
    return f"{config.topic_prefix}hedgehog-reader"
