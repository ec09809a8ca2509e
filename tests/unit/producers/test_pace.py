"""Events handed out when they are due."""

from itertools import islice

import pytest

from producers.local_exchange.simulated import simulated_trades
from producers.pace import BATCH_MAX, paced

START = 1_700_000_000_000_000


@pytest.mark.parametrize(("speed", "slept"), [(1.0, 3.0), (10.0, 0.3), (None, 0)])
async def test_a_trade_comes_when_its_event_time_is_due(speed: float | None, slept: float) -> None:
    now = [100.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    trades = list(islice(simulated_trades(7, 1_000, START), 3_001))
    batches = [batch async for batch in paced(iter(trades), speed, lambda: now[0], sleep)]
    assert [event for batch in batches for event in batch] == trades
    assert max(map(len, batches)) <= BATCH_MAX
    assert now[0] - 100 == pytest.approx(slept)


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_speed_is_above_zero(speed: float) -> None:
    with pytest.raises(ValueError, match=r"speed: .* is not above 0"):
        paced(iter([]), speed)
