"""How far the workers that trade have come, as the broker says: their heartbeats, and what they have committed."""

from confluent_kafka.admin import AdminClient

from infra.config import Config
from schemas.coordinators import members
from schemas.groups import worker_group
from schemas.offsets import committed
from streams.agents.trading import TRADING
from streams.guard.judge import Progress
from streams.topics.lag import behind_of, worker_groups

BROKER_S = 3.0


def progress(config: Config, client: AdminClient) -> Progress:
    """Return the progress of the groups that run the trading agent.

    Raises `Unreachable`, or what the client raises, without a broker.
    """
    whole = worker_group(config)
    groups = [name for name in worker_groups(client, config) if _trades(name.removeprefix(whole).removeprefix(":"))]
    joined = members(config, groups, BROKER_S)
    names = {topic.full_name(config) for topic in TRADING.inputs}
    offsets = committed(config, groups)
    done = sum(offset for of_group in offsets.values() for (topic, _), offset in of_group.items() if topic in names)
    left = behind_of(config, client, dict.fromkeys(groups, TRADING.inputs), offsets) if groups else {}
    return Progress(joined, done, max(left.values(), default=0))


def _trades(agents: str) -> bool:
    """Return whether workers with these agents, as they stand in a group's name, trade."""
    return not agents or TRADING.name in agents.split(",")
