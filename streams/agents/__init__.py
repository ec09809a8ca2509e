"""The agents of the pipeline: one file each, and one line here."""

from typing import Any

from infra.errors import StackError
from streams.agents.agent import Agent
from streams.agents.exchange import EXCHANGE
from streams.agents.market import MARKET
from streams.agents.pairs import PAIRS
from streams.agents.trading import TRADING

AGENTS: tuple[Agent[Any], ...] = (
    TRADING,
    EXCHANGE,
    MARKET,
    PAIRS,
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
