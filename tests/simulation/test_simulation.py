"""Five hundred seeded runs of workers, faults and a market in simulated time: `make simulate SEEDS=N` for more."""

import re
from typing import Any

import pytest

from streams.delivery.partition import Partition
from tests.simulation.network import Kind
from tests.simulation.run import Rules, plan_of, run, shrunk, told

SEEDS = 500
CHUNK = 50


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_whatever_goes_wrong_the_invariants_hold(first: int) -> None:
    rules = Rules(zombies=True)
    failures = [text for seed in range(first, first + CHUNK) if (text := told(seed, rules)) is not None]
    assert not failures, "\n".join(failures)


def test_a_seed_and_a_plan_are_the_same_run_each_time() -> None:
    rules = Rules()
    assert run(11, plan_of(11, rules), rules) == run(11, plan_of(11, rules), rules)


def test_every_kind_of_fault_happens_and_every_market_is_traded() -> None:
    outcomes = [run(seed, plan_of(seed, Rules()), Rules()) for seed in range(60)]
    happened = "\n".join(line for outcome in outcomes for line in outcome.happened)
    assert [kind for kind in Kind if kind not in happened] == []
    assert min(outcome.written["orders"] for outcome in outcomes) > 0
    assert sum(outcome.written["fills"] for outcome in outcomes) > 600


def test_a_broken_keeper_is_found_and_told_with_the_faults_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(partition: Partition[Any], generation: int | None) -> None:
        partition.generation, partition.refused = generation, False  # and what is live stays live

    monkeypatch.setattr(Partition, "follow", follow)
    text = next(text for seed in range(50) if (text := told(seed, Rules())) is not None)
    found = re.fullmatch(r"seed (\d+): .*", text.splitlines()[0])
    assert found
    plan = plan_of(int(found[1]), Rules())
    smaller = shrunk(int(found[1]), plan, Rules())
    assert 0 < len(smaller) < len(plan)
    assert all(str(fault) in text for fault in smaller)
