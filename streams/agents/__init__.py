"""The agents of the pipeline: one file each, and one line here."""

from collections.abc import Collection, Iterable
from typing import Any

from infra.errors import StackError
from streams.agents.agent import Agent
from streams.agents.exchange import EXCHANGE
from streams.agents.trading import TRADING

AGENTS: tuple[Agent[Any], ...] = (
    TRADING,
    EXCHANGE,
)


class UnknownAgent(StackError):
    """There is no agent of this name."""


def chosen(names: str) -> tuple[Agent[Any], ...]:
    """Return the agents with these names, separated by commas; all of them for "". Raises `UnknownAgent`."""
    wanted = [name.strip() for name in names.split(",")] if names.strip() else [agent.name for agent in AGENTS]
    there_are = {agent.name: agent for agent in AGENTS}
    for name in wanted:
        if name not in there_are:
            raise UnknownAgent(f"agents: {name!r} is none of {', '.join(there_are)} (HEDGEHOG_AGENTS={names})")
    return tuple(agent for agent in AGENTS if agent.name in wanted)


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


def _names(group: str) -> set[str]:
    return set(group.split(",")) if group else {agent.name for agent in AGENTS}
