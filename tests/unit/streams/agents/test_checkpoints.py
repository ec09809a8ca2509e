"""When leaders and books send their states: after so many trades of the partition, after so many records of theirs."""

from typing import Any

import pytest

from schemas.journal_records import BOOK, LEADER, Checkpoint
from schemas.records import TradingStatus
from streams.agents.agent import Agent
from streams.agents.checkpoints import Pace
from streams.agents.exchange import EXCHANGE
from streams.agents.trading import TRADING
from streams.trading.checkpoints import state_of
from streams.trading.leader import LeaderState
from tests.samples import INSTRUMENT, instrument, order, settings, trade
from tests.unit.streams.agents.acting import PARTITION, Acting

OTHER = "binance:ETHUSDT"
TRADES = Pace(trades=10, versions=1_000_000)
VERSIONS = Pace(trades=1_000_000, versions=4)


def checkpoints(acting: Acting) -> list[Checkpoint]:
    return [record for record in acting.sent() if isinstance(record, Checkpoint)]


@pytest.mark.parametrize(("agent", "name"), [(TRADING, LEADER), (EXCHANGE, BOOK)])
async def test_everybody_in_the_partition_after_so_many_of_its_trades(agent: Agent[Any], name: str) -> None:
    """The quiet too, and who has no trade among them; once, whatever the batches."""
    acting = Acting(agent, pace=TRADES)
    for number, key in enumerate((INSTRUMENT, OTHER)):
        await acting.take(number, instrument(key))
    await acting.take(0, *(trade("100", at) for at in range(9)))
    assert checkpoints(acting) == []
    await acting.take(9, *(trade("100", at) for at in range(9, 12)))
    assert {(each.agent, each.instrument, each.trades_offset) for each in checkpoints(acting)} == {
        (name, INSTRUMENT, 11),
        (name, OTHER, 11),
    }
    assert all(each.input_partition == PARTITION for each in checkpoints(acting))
    await acting.take(12, *(trade("100", at) for at in range(12, 18)))
    assert len(checkpoints(acting)) == 2
    await acting.take(18, *(trade("100", at) for at in range(18, 45)))
    assert len(checkpoints(acting)) == 4
    assert {each.trades_offset for each in checkpoints(acting)[2:]} == {44}


async def test_a_checkpoint_is_the_state_after_all_that_was_sent_with_it() -> None:
    acting = Acting(TRADING, pace=TRADES)
    for taken in (instrument(), settings(chunks=1)):
        await acting.take(0, taken)
    await acting.take(9, trade("100"))
    (checkpoint,) = checkpoints(acting)
    state = state_of(checkpoint, LeaderState)
    assert state is not None
    assert (state.status, list(state.orders), checkpoint.version) == (TradingStatus.ON, [1], 3)
    assert (state.outbox, state.changed) == ([], False)
    assert acting.sent()[-1] == checkpoint


async def test_after_so_many_records_of_its_own() -> None:
    acting = Acting(EXCHANGE, pace=VERSIONS)
    await acting.take(0, *(order(f"{INSTRUMENT}:{number}:B", version=number) for number in range(1, 4)))
    assert checkpoints(acting) == []
    await acting.take(3, *(order(f"{INSTRUMENT}:{number}:B", version=number) for number in range(4, 10)))
    await acting.take(0, trade("100"))
    assert [each.version for each in checkpoints(acting)] == [9]
    await acting.take(9, *(order(f"{INSTRUMENT}:{number}:B", version=number) for number in range(10, 13)))
    assert [each.version for each in checkpoints(acting)] == [9, 12]
