"""A sink that a record stops goes on after it when it is told to, and nothing else is missing in its table."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from infra.config import Config
from schemas.topics import ORDERS, TRADES
from streams.cli.main import app
from tests import samples
from tests.e2e.sinks import World, sink_world, until
from tests.e2e.test_cli_commands import set_environment
from tests.e2e.test_sinks_faults import has_trade, state_of

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def world(stack: Config) -> Iterator[World]:
    with sink_world(stack) as world, pytest.MonkeyPatch.context() as patch:
        set_environment(world.config, patch)
        yield world


def skip(line: str) -> Result:
    return CliRunner().invoke(app, ["sinks", "skip", *line.split()])


def stop_by(world: World, *trade_ids: int) -> None:
    """Make the table refuse these trades; send them between others and wait until the sink has failed."""
    world.execute(f"ALTER TABLE trades ADD CONSTRAINT test_only CHECK (trade_id NOT IN {(*trade_ids, -1)})")
    first, last = trade_ids[0] - 2, trade_ids[-1] + 3
    world.send(*(samples.trade("2", trade_id=number) for number in range(first, last)))
    until("failed", lambda: "test_only" in state_of(world, "trades").error)


def test_the_record_goes_to_the_dead_letters_and_the_others_to_the_table(world: World) -> None:
    stop_by(world, 60, 62)
    world.send_raw([(TRADES, samples.INSTRUMENT, b"garbage")])
    for number, left in ((60, 62), (62, None)):
        until("failed by it", lambda: "test_only" in state_of(world, "trades").error)
        result = skip("trades --yes --json")
        assert result.exit_code == 0, result.stderr
        assert '"dead_letter": "dlq-trades:' in result.stdout
        assert "test_only" in result.stdout
        assert not has_trade(world, number)
        assert has_trade(world, number - 1)
        assert left is None or not has_trade(world, left)
    until("the trades after it", lambda: has_trade(world, 64))
    until("running", lambda: state_of(world, "trades").running)
    assert {row.trade_id for row in world.rows("SELECT trade_id FROM trades")} == {58, 59, 61, 63, 64}
    skipped = {world.encode(samples.trade("2", trade_id=number)) for number in (60, 62)}
    assert skipped <= {letter.value() for letter in world.dead_letters(TRADES)}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("trades", "--yes is needed"),
        ("nothing --yes", "NAME: 'nothing' is no sink; there are trades, orders, "),
        ("orders --yes", "is RUNNING, no record stops it"),
    ],
)
def test_what_is_no_reason_to_skip_is_refused(world: World, line: str, reason: str) -> None:
    until("running", lambda: state_of(world, "orders").running)
    result = skip(line)
    assert (result.exit_code, reason in result.stderr) == (2, True), result.stderr
    assert world.dead_letters(ORDERS) == []


def test_a_sink_that_no_record_stops_is_left_as_it_is(world: World) -> None:
    world.execute("ALTER TABLE orders RENAME TO elsewhere")
    world.send(samples.order())
    until("failed", lambda: state_of(world, "orders").state == "FAILED")
    world.execute("ALTER TABLE elsewhere RENAME TO orders")
    result = skip("orders --yes")
    assert result.exit_code == 1
    assert "its table takes every record" in result.stderr
    assert world.dead_letters(ORDERS) == []
    assert state_of(world, "orders").state == "FAILED"
