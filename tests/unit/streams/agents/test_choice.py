"""Which agents a worker runs."""

from typing import Any

import pytest

from infra.config import Config
from infra.errors import StackError
from schemas.groups import worker_group
from streams.agents import AGENTS, UnknownAgent, chosen
from streams.agents.agent import Agent
from streams.agents.exchange import EXCHANGE
from streams.agents.groups import assert_alone, group_name, positions
from streams.agents.trading import TRADING
from streams.worker import make_app


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("", ["trading", "exchange", "market", "pairs"]),
        ("trading", ["trading"]),
        ("market", ["market"]),
        (" exchange , trading ", ["trading", "exchange"]),
        ("exchange,exchange", ["exchange"]),
    ],
)
def test_agents_are_chosen_by_name(names: str, expected: list[str]) -> None:
    assert [agent.name for agent in chosen(names)] == expected
    app = make_app(Config(topic_prefix="unit-choice-", agents=names))
    assert len(app.keepers) == len(expected)
    assert {agent.name for agent in AGENTS} & set(app.agents) == set(expected)
    assert {agent.table for agent in AGENTS if agent.name in expected} == set(app.tables)


@pytest.mark.parametrize("names", ["mining", "trading,mining", "trading,,exchange", "Trading"])
def test_an_agent_that_there_is_not_is_named(names: str) -> None:
    wrong = next(name for name in names.split(",") if name not in ("trading", "exchange"))
    with pytest.raises(UnknownAgent) as refused:
        make_app(Config(topic_prefix="unit-choice-", agents=names))
    assert (
        str(refused.value) == f"agents: {wrong!r} is none of trading, exchange, market, pairs (HEDGEHOG_AGENTS={names})"
    )


def test_workers_with_other_agents_are_another_group() -> None:
    config = Config(topic_prefix="p-")
    assert worker_group(config, group_name(AGENTS)) == "p-hedgehog"
    assert worker_group(config, group_name(AGENTS[:1])) == "p-hedgehog:trading"
    assert make_app(config, AGENTS[1:]).group == "p-hedgehog:exchange,market,pairs"


@pytest.mark.parametrize(
    ("mine", "others", "shared"),
    [
        ("", [], None),
        ("", [""], None),
        ("trading", ["trading", "exchange"], None),
        ("", ["trading"], "trading: already run by workers with the agents trading"),
        ("exchange", [""], "exchange: already run by workers with the agents all"),
        ("counting", [""], None),
        ("counting,trading", ["exchange,trading"], "trading: already run by workers with the agents exchange,trading"),
    ],
)
def test_no_agent_is_run_by_two_groups(mine: str, others: list[str], shared: str | None) -> None:
    if shared is None:
        assert_alone(mine, others)
    else:
        with pytest.raises(StackError, match=f"agents: {shared}"):
            assert_alone(mine, others)


ALL, ONE, OTHER = "p-hedgehog", "p-hedgehog:trading", "p-hedgehog:exchange"


@pytest.mark.parametrize(
    ("agents", "committed", "expected"),
    [
        # Nobody has run: from the start.
        ((TRADING, EXCHANGE), {}, {}),
        # One worker for all was split in two.
        ((TRADING,), {ALL: {"trades": 9, "fills": 4, "orders": 7}}, {"trades": 9, "fills": 4}),
        ((EXCHANGE,), {ALL: {"trades": 9, "fills": 4, "orders": 7}}, {"trades": 9, "orders": 7}),
        # Two were put together: where the one that is behind has got to.
        ((TRADING, EXCHANGE), {ONE: {"trades": 9, "fills": 4}, OTHER: {"trades": 8}}, {"trades": 8, "fills": 4}),
        # Back to what ran before: its own commit is long behind.
        ((TRADING, EXCHANGE), {ALL: {"trades": 2}, ONE: {"trades": 9}, OTHER: {"trades": 8}}, {"trades": 8}),
        ((TRADING,), {ALL: {"trades": 2}, ONE: {"trades": 9}}, {"trades": 9}),
        # An agent that never ran reads all of it, whoever else has.
        ((TRADING, EXCHANGE), {ONE: {"trades": 9, "fills": 4}}, {"fills": 4}),
    ],
)
def test_a_group_goes_on_where_others_have_left_its_agents(
    agents: tuple[Agent[Any], ...], committed: dict[str, dict[str, int]], expected: dict[str, int]
) -> None:
    found = positions(
        Config(topic_prefix="p-"),
        agents,
        {group: {(f"p-{topic}", 3): at for topic, at in offsets.items()} for group, offsets in committed.items()},
    )
    assert found == {(f"p-{topic}", 3): at for topic, at in expected.items()}
