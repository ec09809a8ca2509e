"""The consumer groups of workers: one for each choice of agents, and how one goes on where others have got to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from infra.config import Config
from infra.errors import StackError
from schemas.groups import worker_group
from schemas.offsets import Committed
from streams.agents import AGENTS
from streams.agents.agent import Agent


def group_name(agents: Iterable[Agent[Any]]) -> str:
    """Return how these agents stand in the name of their workers' consumer group: "" for all there are."""
    names = sorted(agent.name for agent in agents)
    return "" if names == sorted(agent.name for agent in AGENTS) else ",".join(names)


def assert_alone(mine: str, others: Collection[str]) -> None:
    """Raise `StackError` where workers with other agents run one of mine.

    The arguments are as `group_name` gives them. Two groups with the same agent would both own all its instruments.
    """
    for other in others:
        shared = _names(mine) & _names(other)
        if other != mine and shared:
            raise StackError(
                f"agents: {', '.join(sorted(shared))}: already run by workers with the agents {other or 'all'}; stop "
                f"these, or run the same agents (HEDGEHOG_AGENTS)"
            )


def positions(config: Config, agents: Sequence[Agent[Any]], committed: Mapping[str, Committed]) -> Committed:
    """Return where the group of these agents goes on, by what each group of workers has committed.

    An agent is as far as the furthest group that ran it, and the group goes on where the last of its agents is. A state
    says only how far its last change was: read again from the start, old trades would be new ones to a leader.
    """
    furthest: list[dict[tuple[str, int], int]] = []
    for agent in agents:
        names = {topic.full_name(config) for topic in agent.inputs}
        ran = [offsets for group, offsets in committed.items() if agent.name in _names(_chosen(config, group))]
        mine = [(place, offset) for offsets in ran for place, offset in offsets.items() if place[0] in names]
        furthest.append({place: max(at for other, at in mine if other == place) for place, _ in mine})
    places = {place for found in furthest for place in found}
    readers = {place: [i for i, agent in enumerate(agents) if _reads(config, agent, place[0])] for place in places}
    return {
        place: min(furthest[i][place] for i in readers[place])
        for place in places
        if all(place in furthest[i] for i in readers[place])  # one that has read nothing of it begins at its start
    }


def _reads(config: Config, agent: Agent[Any], topic: str) -> bool:
    return any(each.full_name(config) == topic for each in agent.inputs)


def _chosen(config: Config, group: str) -> str:
    return group.removeprefix(worker_group(config)).removeprefix(":")


def _names(group: str) -> set[str]:
    return set(group.split(",")) if group else {agent.name for agent in AGENTS}
