"""The database's data are lost and the broker's are not: the registry, whose schemas were in it, gets its ids back."""

import shutil

import pytest

from infra.config import Config
from infra.native import postgres
from schemas.codec import schema_text
from schemas.records import Fill, Order
from schemas.registry import client
from schemas.topics import FILLS, ORDERS
from tests.e2e.sinks import World, until
from tests.e2e.test_emptied_broker import NAME, ROWS, placed
from tests.e2e.test_stack import execute, home, infra, module

__all__ = ["home"]

FOREIGN = '{"type": "record", "name": "Foreign", "fields": []}'
"""Another program's: so the ids are not those that an empty registry would give."""


def lose_database(environment: dict[str, str], config: Config) -> None:
    """Start the stack again without what its database knew."""
    assert infra(environment, "down").returncode == 0
    shutil.rmtree(postgres.data_home(config, postgres.account()))
    assert infra(environment, "up").returncode == 0


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_lost_database_is_filled_again_and_never_read_by_other_schemas(home: tuple[dict[str, str], Config]) -> None:
    environment, config = home
    assert infra(environment, "up").returncode == 0
    registry = client(config)
    registry.register("foreign", FOREIGN)
    assert module(environment, "connectors", "provision").returncode == 0
    order_id = registry.lookup(ORDERS.subject(config), schema_text(Order))
    placed(config, "99")

    lose_database(environment, config)
    done = module(environment, "connectors", "provision")
    assert done.returncode == 0, done.stderr
    assert registry.lookup(ORDERS.subject(config), schema_text(Order)) == order_id
    until("the order is there again", lambda: execute(config, ROWS.format("orders")) == [(NAME, "99.00000000")])
    until("the fill, too", lambda: execute(config, "SELECT count(*) FROM fills") == [(1,)])
    world = World(config)
    assert world.dead_letters(ORDERS) == world.dead_letters(FILLS) == []
    world.engine.dispose()

    lose_database(environment, config)
    registry.register("foreign", FOREIGN)
    taken = registry.register(FILLS.subject(config), schema_text(Fill))
    refused = module(environment, "connectors", "provision")
    assert refused.returncode == 1
    said = refused.stderr.splitlines()[-1]
    assert f"id {taken} is a schema of Fill there, and a schema of Trade in the records of the broker" in said
    assert "an empty registry is filled" in said
    assert execute(config, "SELECT count(*) FROM pg_tables WHERE tablename = 'orders'") == [(0,)], "nothing was begun"
    assert (config.data_dir / "kafka" / "data").is_dir()
