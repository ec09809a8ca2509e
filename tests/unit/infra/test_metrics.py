"""Metrics: names by Prometheus' conventions, and values that are read when somebody scrapes."""

import asyncio
import re
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra import metrics
from infra.metrics import Family


def told() -> dict[str, float]:
    """By the name and labels of each sample its value."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        sample.name + "".join(f" {label}" for label in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_names_say_their_unit_and_what_they_are() -> None:
    read = [each for each in vars(metrics).values() if isinstance(each, Family)]
    families = [*metrics.REGISTRY.collect(), *(each.of({}) for each in read)]
    ours = {family.name: family for family in families if not family.name.startswith("process_")}
    assert len(ours) > len(read) > 10
    for name, family in ours.items():
        assert re.fullmatch(r"hedgehog_[a-z_]+", name)
        assert not name.endswith("_total")  # the exposition adds it to counters, and to nothing else
        assert family.type != "histogram" or name.endswith("_seconds")
        assert family.documentation.endswith(".")


def test_what_is_read_is_there_within_the_block_only() -> None:
    with metrics.reading(lambda: [metrics.GAPS.of({"binance": 3, "bitstamp": 0}), metrics.QUEUED.of({"": 7})]):
        found = told()
        assert found["hedgehog_gaps_open binance"] == 3
        assert found["hedgehog_gaps_open bitstamp"] == 0
        assert found["hedgehog_records_queued"] == 7
    assert "hedgehog_records_queued" not in told()


async def test_what_an_event_loop_knows_is_read_in_it() -> None:
    loop, here = asyncio.get_running_loop(), threading.get_ident()
    asked = metrics.on_loop(loop, threading.get_ident)
    assert await asyncio.to_thread(asked) == here


async def test_a_loop_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "ANSWERED_WITHIN_S", 0.05)
    asked = metrics.on_loop(asyncio.get_running_loop(), lambda: 1)
    refused: list[BaseException] = []

    def ask() -> None:
        try:
            asked()
        except TimeoutError as error:
            refused.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(5)  # this loop does nothing meanwhile
    assert len(refused) == 1
