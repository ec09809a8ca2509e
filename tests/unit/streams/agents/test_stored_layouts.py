"""States as the programs of each layout stored them, read by the agents of today, or refused in one line.

Layout 1 was written by commit 7ab30b9, layout 2 by commit 94fbb84, which read the states of the other and stored them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import OrderStatus, TradingStatus
from schemas.units import ONE
from streams.agents.agent import Agent
from streams.agents.exchange import EXCHANGE
from streams.agents.trading import TRADING
from streams.delivery.changelog import Place
from streams.delivery.states import StoredState, UnreadableState
from tests import samples
from tests.first_layout import IDLE, TRADED

DATA = Path(__file__).parents[3] / "data"
WRITTEN = {
    layout: json.loads((DATA / commit / "written.json").read_text())
    for layout, commit in ((1, "7ab30b9"), (2, "94fbb84"))
}


def stored(agent: Agent[Any], layout: int) -> dict[str, str]:
    """What a program of this layout stored, by instrument."""
    return dict(WRITTEN[layout][agent.table])


def read(agent: Agent[Any], layout: int, instrument: str) -> StoredState[Any]:
    text = stored(agent, layout)[instrument]
    assert json.loads(text).get("version", 1) == layout
    return agent.state_codec().decode(instrument.encode(), text.encode())


@pytest.mark.parametrize("layout", WRITTEN)
def test_a_leader_is_read(layout: int) -> None:
    found = read(TRADING, layout, TRADED)
    assert (found.offsets, found.outbox) == ({"trades": 4, "fills": 0, "settings": 2}, [])
    leader = found.state
    assert (leader.status, leader.version, leader.time) == (TradingStatus.ON, 7, 1_559_433_601_000_004)
    assert leader.instrument == samples.instrument(
        TRADED, base_asset="OLD", min_notional="5", updated_time=1_700_000_000_000_001
    )
    assert leader.settings == samples.settings(TRADED, streaming=True, updated_time=1_700_000_000_000_001)
    orders = [(order.client_order_id, order.price, order.status) for order in leader.orders.values()]
    assert orders == [
        (f"{TRADED}:1:S", 10_098_000_000, OrderStatus.NEW),
        (f"{TRADED}:2:B", 9_207_000_000, OrderStatus.NEW),
    ]


@pytest.mark.parametrize("layout", WRITTEN)
def test_a_leader_that_never_traded_is_read(layout: int) -> None:
    found = read(TRADING, layout, IDLE)
    assert (found.offsets, found.state.status, found.state.orders) == (
        {"trades": -1, "fills": -1, "settings": 1},
        TradingStatus.OFF,
        {},
    )


@pytest.mark.parametrize("layout", WRITTEN)
def test_a_book_is_read(layout: int) -> None:
    found = read(EXCHANGE, layout, TRADED)
    assert (found.offsets, found.outbox) == ({"trades": 4, "orders": 3}, [])
    orders = [(resting.client_order_id, resting.price, resting.quantity) for resting in found.state.orders]
    assert orders == [(f"{TRADED}:1:S", 10_098_000_000, ONE), (f"{TRADED}:2:B", 9_207_000_000, ONE)]
    assert found.state.version == 7


@pytest.mark.parametrize("layout", WRITTEN)
@pytest.mark.parametrize("agent", [TRADING, EXCHANGE], ids=lambda agent: agent.name)
def test_what_was_read_is_stored_in_the_layout_of_today(agent: Agent[Any], layout: int) -> None:
    codec = agent.state_codec()
    for instrument in stored(agent, layout):
        found = read(agent, layout, instrument)
        again = codec.encode(found.offsets, found.state, found.outbox, Place(found.epoch, found.revision))
        assert json.loads(again)["version"] == agent.layout
        assert codec.decode(instrument.encode(), again).state == found.state


@pytest.mark.parametrize("agent", [TRADING, EXCHANGE], ids=lambda agent: agent.name)
def test_the_layout_of_a_later_program_is_refused_in_one_line(agent: Agent[Any]) -> None:
    value = {**json.loads(stored(agent, 2)[TRADED]), "version": agent.layout + 1}
    with pytest.raises(UnreadableState) as refused:
        agent.state_codec().decode(TRADED.encode(), json.dumps(value).encode())
    assert str(refused.value) == (
        f"table {agent.table}: the state of {TRADED} has layout {agent.layout + 1}, and this program reads layout "
        f"{agent.layout}"
    )
