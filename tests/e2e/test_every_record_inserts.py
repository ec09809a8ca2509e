"""Whatever can be written to a topic is inserted into its table: any valid record, and the edges of every field.

The records are random ones of `tests.records`; the edges are those that `tests/unit/schemas/test_checks.py` holds every
reader and writer to.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.interface import states
from infra.config import Config
from schemas.records import Fill, Instrument, Keyed, Order, Record, Settings, Trade
from schemas.topics import SINKS
from streams.warehouse.agreement import compare_with_topics
from tests.e2e.sinks import World, sink_world
from tests.records import BY_TYPE
from tests.unit.schemas.test_checks import GOOD, RANGES, TEXTS, WIDE

pytestmark = pytest.mark.long

RUNS, AT_ONCE = 40, 4
IDS: dict[type[Record], str] = {
    Trade: "trade_id",
    Order: "client_order_id",
    Fill: "fill_id",
    Instrument: "symbol",
    Settings: "symbol",
}
"""What makes a row of its own of an edge."""


@pytest.fixture(scope="module")
def world(stack: Config) -> Iterator[World]:
    with sink_world(stack) as world:
        yield world


def assert_all_inserted(world: World, records: list[Keyed]) -> None:
    """Every record that holds is a row as it was written, no sink has failed, and none has a dead letter."""
    found = {each.table: each for each in compare_with_topics(world.config)}
    assert [state for state in states(world.config) if not state.running] == []
    assert {topic.name: len(world.dead_letters(topic)) for topic in SINKS} == dict.fromkeys(found, 0)
    assert all(each.equal and not each.undecodable for each in found.values()), found
    assert sum(each.messages for each in found.values()) >= len(records)


@pytest.mark.timeout(600)
def test_any_valid_record(world: World) -> None:
    sent: list[Keyed] = []

    @settings(max_examples=RUNS, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.tuples(*(st.lists(BY_TYPE[kind], min_size=1, max_size=AT_ONCE) for kind in IDS)))
    def send(drawn: tuple[list[Keyed], ...]) -> None:
        records = [record for kind in drawn for record in kind]
        world.send(*records)
        sent.extend(records)

    send()
    assert len(sent) > RUNS * len(IDS)
    assert_all_inserted(world, sent)


def edges() -> list[Keyed]:
    """Each of them under an id of its own, unless that is the field."""
    found: list[tuple[Record, dict[str, Any]]] = [*GOOD]
    found += [(record, {field: value}) for record, field, ends in RANGES for value in ends]
    for record, field, (_, good), (shortest, longest) in TEXTS:
        values = {*good, "x" * longest, WIDE * longest, "x" * shortest}
        found += [(record, {field: value}) for value in values]
    made = []
    for number, (record, changes) in enumerate(found):
        if type(record) not in IDS:
            continue
        name = IDS[type(record)]
        own = {} if name in changes else {name: number if name == "trade_id" else f"EDGE{number}"}
        edge = msgspec.structs.replace(record, **own, **changes)
        assert isinstance(edge, Keyed)
        made.append(edge)
    return made


def test_the_edges_of_every_field(world: World) -> None:
    records = edges()
    assert {type(record) for record in records} == IDS.keys()
    world.send(*records)
    assert_all_inserted(world, records)
