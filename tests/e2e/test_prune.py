"""`hedgehog prune` on the real broker, sinks and database: what goes, and what stays although it is old."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.event import listens_for
from typer.testing import CliRunner

from infra.config import Config
from schemas.broker import admin
from schemas.groups import sink_group, sink_name
from schemas.journal_records import LEADER, Checkpoint
from schemas.records import Fill, Order, OrderStatus, Side, Trade
from schemas.spans import spans
from schemas.topics import FILLS, ORDERS, TRADES
from streams.cli.main import app
from streams.topics.read import existing
from streams.trading.checkpoints import LAYOUTS
from streams.trading.leader import LeaderState
from streams.warehouse import pruning
from tests import samples
from tests.e2e.sinks import World, sink_world, until

ENDPOINTS = {"KAFKA_BOOTSTRAP": "bootstrap", "REGISTRY_URL": "registry", "CONNECT_URL": "connect"}
INSERT = (
    "INSERT INTO trades (exchange, symbol, trade_id, trade_time, price, quantity, event_time, received_time,"
    " buyer_is_maker) SELECT 'binance', 'OLDUSDT', i, timestamptz '{}Z' + i * interval '{}', 1, 1, now(), now(), true"
    " FROM generate_series({}, {}) AS i"
)
"""From when on, how far apart, the first number and the last."""
NEEDED = 3
"""The offset of the first trade after the checkpoint."""


@pytest.fixture(scope="module")
def world(stack: Config) -> Iterator[World]:
    with sink_world(stack) as world:
        world.send(*(samples.trade("1", number) for number in range(1, 7)))
        world.send(*orders_and_fills())
        world.send(checkpoint())
        for topic in (TRADES, ORDERS, FILLS):
            until(f"{topic.name} is written", lambda topic=topic: world.caught_up(topic))  # type: ignore[misc]
        yield world


def orders_and_fills() -> list[Order | Fill]:
    """Trader 1 has sold what it bought, trader 2 holds it, trader 3 has an open order."""
    name = samples.INSTRUMENT
    done = [samples.order(f"{name}:{of}", status=OrderStatus.FILLED) for of in ("1:B", "1:S", "2:B")]
    fills = [samples.fill(each.client_order_id, side=each.side) for each in done]
    assert [each.side for each in done] == [Side.BUY, Side.SELL, Side.BUY]
    return [*done, samples.order(f"{name}:3:B"), *fills]


def checkpoint() -> Checkpoint:
    exchange, symbol = samples.INSTRUMENT.split(":")
    return Checkpoint(
        exchange=exchange,
        symbol=symbol,
        agent=LEADER,
        version=1,
        input_partition=0,
        trades_offset=NEEDED - 1,
        layout=LAYOUTS[LeaderState],
        state=b"{}",
    )


def pruned(
    world: World, monkeypatch: pytest.MonkeyPatch, *more: str, when: tuple[str, str] = ("--keep-days", "0")
) -> dict[str, dict[str, Any]]:
    """What the command says of each topic and table, by its name without prefix."""
    config = world.config
    monkeypatch.setenv("HEDGEHOG_TOPIC_PREFIX", config.topic_prefix)
    monkeypatch.setenv("HEDGEHOG_DATABASE_URL", config.database)
    for name, endpoint in ENDPOINTS.items():
        monkeypatch.setenv(f"HEDGEHOG_{name}", getattr(config, endpoint))
    monkeypatch.setenv("HEDGEHOG_PARTITIONS", str(config.partitions))
    result = CliRunner().invoke(app, ["prune", *when, *more, "--json"])
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    topics = {row["topic"].removeprefix(config.topic_prefix): row for row in said["topics"]}
    return {"topics": topics, "tables": {row["table"]: row for row in said["tables"]}}


def first_offset(world: World, topic: Any) -> int:
    """The first offset of the topic's records: all of one instrument are in one partition."""
    found = spans(admin(world.config), existing(world.config, topic))
    return max(first for first, _ in found.values())


def test_what_is_old_goes_and_what_somebody_needs_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for yes in ((), ("--yes",)):
        assert (first_offset(world, TRADES), len(world.rows("SELECT 1 FROM trades"))) == (0, 6)
        said = pruned(world, monkeypatch, *yes)
        trades = said["topics"]["trades"]
        assert (trades["records"], trades["kept"], trades["needed_by"]) == (NEEDED, 6 - NEEDED, ["audit"])
        assert [said["tables"][table]["rows"] for table in ("trades", "orders", "fills")] == [6, 2, 2]
        assert [said["tables"][table]["kept"] for table in ("orders", "fills")] == [2, 1]
        assert said["tables"]["trades"]["megabytes"] > 0
    assert first_offset(world, TRADES) == NEEDED
    assert first_offset(world, ORDERS) == 0, "they come after the checkpoint, or little before it"
    assert world.rows("SELECT 1 FROM trades") == []
    left = world.rows("SELECT client_order_id FROM orders ORDER BY 1")
    assert [row.client_order_id for row in left] == [f"{samples.INSTRUMENT}:{of}" for of in ("2:B", "3:B")]
    assert [row.client_order_id for row in world.rows("SELECT client_order_id FROM fills")] == [
        f"{samples.INSTRUMENT}:2:B"
    ]


def test_what_a_sink_has_not_written_stays_and_rows_come_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pause(TRADES)
    other = Trade(**{**{n: getattr(samples.trade("1", 9), n) for n in Trade.__struct_fields__}, "symbol": "ETHUSDT"})
    world.send(other)
    trades = pruned(world, monkeypatch, "--no-tables", "--yes")["topics"]["trades"]
    assert sink_group(world.config, TRADES) in trades["needed_by"]
    world.connect("PUT", f"/connectors/{sink_name(world.config, TRADES)}/resume")
    until("the trade is written", lambda: world.rows("SELECT 1 FROM trades WHERE symbol = 'ETHUSDT'"))


def test_rows_of_a_part_of_the_days_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.execute(INSERT.format("2020-01-01 00:00", "1 hour", 0, 999))
    world.execute("ANALYZE trades")
    for before, gone in (("2020-01-04T12:00", 84), ("2020-02-10T00:00", 960)):
        pruned(world, monkeypatch, "--no-topics", "--yes", when=("--before", before))
        (row,) = world.rows("SELECT count(*), min(trade_id) FROM trades WHERE symbol = 'OLDUSDT'")
        assert tuple(row) == (1_000 - gone, gone)


def test_what_is_much_is_estimated_and_goes_some_rows_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COUNTED", 100), ("AT_ONCE", 100), ("LITTLE", 0)):
        monkeypatch.setattr(pruning, name, value)
    world.execute("TRUNCATE trades")
    world.execute(INSERT.format("2020-01-01 00:00", "1 hour", 0, 999))
    world.execute("ANALYZE trades")
    # one that is earlier than what the statistics know, and one that is later
    world.execute(INSERT.format("2019-12-31 00:00", "0 hours", 1_000, 1_000))
    world.execute(INSERT.format("2020-02-19 00:00", "0 hours", 1_001, 1_001))
    engine, moment = create_engine(world.config.database), datetime(2020, 2, 1, tzinfo=UTC)
    deletes: list[str] = []
    listens_for(engine, "before_cursor_execute")(
        lambda _connection, _cursor, statement, *_: (
            deletes.append(statement) if "DELETE FROM trades" in statement else None
        )
    )
    old = pruning.old_rows(engine, moment)
    (trades,) = (each for each in old if each.table == "trades")
    assert not trades.counted
    assert trades.rows == pytest.approx(744, rel=0.1)
    pruning.prune(engine, old, moment)
    engine.dispose()
    assert len(deletes) in (7, 8, 9)
    (row,) = world.rows("SELECT count(*), min(trade_id), max(trade_time)::date::text FROM trades")
    assert tuple(row) == (1_000 - 744 + 1, 744, "2020-02-19")


def test_the_index_by_time_leads_to_old_rows_alone_after_new_ones_came_in_their_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_minute = "2020-01-01 00:00", "1 minute"
    world.execute("TRUNCATE trades")
    world.execute(INSERT.format(*every_minute, 0, 99_999))
    world.execute("ANALYZE trades")
    world.execute("SELECT brin_summarize_new_values('trades_by_time')")
    pruned(world, monkeypatch, "--no-topics", "--yes", when=("--before", "2020-01-22T00:00"))
    pages = _pages(world)
    world.execute(INSERT.format(*every_minute, 100_000, 120_000))
    assert _pages(world) == pages, "the new rows did not come where the old ones had been"
    (row,) = world.rows(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT count(*) FROM trades WHERE trade_time < '2020-01-22 00:00Z'"
    )
    plan = row[0][0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 200, "ranges of old rows were left to new ones"


def _pages(world: World) -> int:
    (row,) = world.rows("SELECT pg_relation_size('trades') / 8192")
    return int(row[0])
