"""A database with rows of topics that are no more is refused by name, and kept beside; an empty one is filled again."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import inspect

from connectors.apply import apply_all, remove_all
from connectors.warehouse import ForeignRows, claim, set_aside
from infra.config import Config
from schemas.broker import create_topics, delete_topics, topic_ids
from schemas.sql.sources import TRIGGERS
from schemas.topics import FILLS, ORDERS, SINKS, TRADES
from tests import samples
from tests.e2e.sinks import World, sink_world, until

KEPT = "SELECT client_order_id, price::text FROM {} ORDER BY 1"
NAME = f"{samples.INSTRUMENT}:1:B"


@pytest.fixture(scope="module")
def world(stack: Config) -> Iterator[World]:
    with sink_world(stack) as world:
        yield world


def count(world: World, table: str) -> int:
    return int(world.rows(f"SELECT count(*) FROM {table}")[0][0])


def ids(config: Config) -> dict[str, str]:
    found = topic_ids(config, [topic.full_name(config) for topic in SINKS])
    return {topic.name: found[topic.full_name(config)] for topic in SINKS}


def shape(world: World, table: str, schema: str) -> Any:
    """Everything that makes a table what it is."""
    found = inspect(world.engine)
    asked = {"table_name": table, "schema": schema}
    triggers = world.rows(TRIGGERS.replace(":name", f"'{schema}.{table}'"))
    return (
        [{**column, "type": str(column["type"])} for column in found.get_columns(**asked)],
        found.get_pk_constraint(**asked),
        sorted(found.get_check_constraints(**asked), key=str),
        sorted(found.get_indexes(**asked), key=str),
        sorted((name, text.replace(f"{schema}.", "")) for name, text in triggers),
    )


def test_the_tables_say_where_they_are_filled_from(world: World) -> None:
    world.send(samples.order(NAME), samples.fill(NAME), samples.trade("1"))
    until("rows arrive", lambda: all(count(world, table) for table in ("orders", "fills", "trades")))
    claim(world.config)
    assert dict(map(tuple, world.rows("SELECT name, topic_id FROM sources"))) == ids(world.config)
    claim(world.config)


def test_two_instruments_may_have_an_order_of_the_same_id(world: World) -> None:
    other = "binance:ETHUSDT:1:B"
    placed = replace(samples.order(other, price="7"), client_order_id=NAME)
    world.send(placed, replace(samples.fill(other, fill_id=f"{NAME}:1", price="7"), client_order_id=NAME))
    until("both are there", lambda: count(world, "orders") == count(world, "fills") == 2)


def test_an_empty_database_is_filled_again(world: World) -> None:
    until("all is committed", lambda: all(world.caught_up(topic) for topic in (ORDERS, FILLS, TRADES)))
    world.execute("TRUNCATE orders, trades, sources")
    claim(world.config)
    until(
        "rows arrive again",
        lambda: (count(world, "orders"), count(world, "trades"), count(world, "fills")) == (2, 1, 2),
    )


def test_rows_of_an_emptied_broker_are_refused_and_kept_beside(world: World) -> None:
    config, before = world.config, ids(world.config)
    remove_all(config)
    delete_topics(config)
    create_topics(config)
    now = ids(config)
    with pytest.raises(ForeignRows) as refused:
        claim(config)
    said = str(refused.value)
    assert all(f"{name} (topic {before[name]}, now {now[name]})" in said for name in ("orders", "fills", "trades"))
    assert config.bootstrap in said
    assert "hedgehog sinks set-aside --yes" in said
    assert count(world, "orders") == 2, "nothing was touched"

    moved = set_aside(config)
    assert moved.keys() == {"orders", "fills", "trades"}, "those with rows"
    for table, schema in moved.items():
        assert count(world, table) == 0
        assert shape(world, table, "public") == shape(world, table, schema)
    assert len(world.rows(KEPT.format(f"{moved['orders']}.orders"))) == 2
    assert set_aside(config) == {}
    apply_all(config)
    world.send(samples.order(NAME, price="3"))
    until("a row of today", lambda: count(world, "orders") == 1)
    assert world.rows(KEPT.format("orders")) == [(NAME, "3.00000000")]
    world.send(samples.order(NAME, price="4", version=1))
    world.send(samples.order(NAME, price="5", version=3))
    until("the newer one", lambda: world.rows(KEPT.format("orders")) == [(NAME, "5.00000000")])
    assert (NAME, "99.00000000") in world.rows(KEPT.format(f"{moved['orders']}.orders"))
