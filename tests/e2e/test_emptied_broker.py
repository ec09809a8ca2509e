"""The broker's data are removed and the database's are not, as people do when a disk is full."""

import shutil
import subprocess
import sys

import pytest

from infra.config import Config
from tests.e2e.sinks import World, until
from tests.e2e.test_stack import execute, home, infra, module
from tests.samples import INSTRUMENT, fill, order

__all__ = ["home"]

NAME = f"{INSTRUMENT}:1:B"
ROWS = "SELECT client_order_id, price::text FROM {} ORDER BY 1"
KEPT = "SELECT tablename, schemaname FROM pg_tables WHERE schemaname ~ '^rows_of_' ORDER BY 1"


@pytest.fixture
def emptied(home: tuple[dict[str, str], Config]) -> tuple[dict[str, str], Config]:
    """A stack that ran, with an order in its table, started again with an empty broker."""
    environment, config = home
    assert infra(environment, "up").returncode == 0
    assert module(environment, "connectors", "provision").returncode == 0
    placed(config, "99")
    assert infra(environment, "down").returncode == 0
    shutil.rmtree(config.data_dir / "kafka" / "data")
    assert infra(environment, "up").returncode == 0
    return environment, config


def placed(config: Config, price: str) -> None:
    world = World(config)
    world.send(order(NAME, price=price), fill(NAME, price=price))
    until("the row is there", lambda: (NAME, f"{price}.00000000") in execute(config, ROWS.format("orders")))
    until("the fill, too", lambda: execute(config, "SELECT count(*) FROM fills") == [(1,)])
    world.engine.dispose()


def hedgehog(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "streams.cli.main", *words]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_old_rows_are_refused_by_name_then_kept_beside(emptied: tuple[dict[str, str], Config]) -> None:
    environment, config = emptied
    refused = module(environment, "connectors", "provision")
    assert refused.returncode == 1
    said = refused.stderr.splitlines()[-1]
    assert "has rows of topics that are not those of the broker at" in said
    assert "hedgehog sinks set-aside --yes" in said
    assert execute(config, ROWS.format("orders")) == [(NAME, "99.00000000")]

    assert hedgehog(environment, "sinks", "set-aside").returncode == 2, "only when it is meant"
    moved = hedgehog(environment, "sinks", "set-aside", "--yes")
    assert moved.returncode == 0, moved.stderr
    # each topic has an id of its own, and so have the schemas
    (_, fills), (_, orders) = kept = execute(config, KEPT)
    assert [table for table, _ in kept] == ["fills", "orders"]
    assert all(f"{schema}.{table}" in moved.stdout for table, schema in kept)
    again = module(environment, "connectors", "provision")
    assert again.returncode == 0, again.stderr
    placed(config, "7")
    assert execute(config, ROWS.format("orders")) == [(NAME, "7.00000000")]
    assert execute(config, ROWS.format(f"{orders}.orders")) == [(NAME, "99.00000000")]
    assert execute(config, ROWS.format(f"{fills}.fills")) == [(NAME, "99.00000000")]
