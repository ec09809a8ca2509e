"""Which agents a worker runs."""

import pytest

from infra.config import Config
from infra.errors import StackError
from schemas.groups import worker_group
from streams.agents import AGENTS, UnknownAgent, assert_alone, chosen, group_name
from streams.worker import make_app


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("", ["trading", "exchange"]),
        ("trading", ["trading"]),
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
    assert str(refused.value) == f"agents: {wrong!r} is none of trading, exchange (HEDGEHOG_AGENTS={names})"


def test_workers_with_other_agents_are_another_group() -> None:
    config = Config(topic_prefix="p-")
    assert worker_group(config, group_name(AGENTS)) == "p-hedgehog"
    assert worker_group(config, group_name(AGENTS[:1])) == "p-hedgehog:trading"
    assert make_app(config, AGENTS[1:]).group == "p-hedgehog:exchange"


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
