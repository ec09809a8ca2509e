"""`hedgehog trading status`: what the leaders say of themselves, by the newest state of each in their changelog."""

from typing import Any

import msgspec

from infra.config import Config
from schemas.records import TradingStatus
from schemas.topics import LEADERS
from schemas.units import plain
from streams.agents.trading import TRADING
from streams.cli.endpoints import with_settings
from streams.cli.instruments import options
from streams.cli.instruments.changes import as_row
from streams.cli.instruments.select import pick_or, read
from streams.cli.output import Output
from streams.delivery.changelog import keep_newest
from streams.delivery.states import UnreadableState
from streams.topics.read import messages
from streams.trading.leader import LeaderState
from streams.trading.strategy import COUNT

COLUMNS = ("instrument", "status", "streaming", "leader", "traders", "open_orders", "chunks", "budget")
SET = ("instrument", "status", "streaming", "chunks", "budget", "halted")
"""Of the columns, those that the user set."""


def status(asked: options.TradingStatus, out: Output) -> None:
    """Show what is traded or has a leader, or what was asked for."""
    config = with_settings()
    known = read(config)
    states = leader_states(config, out)
    picked = pick_or(
        known,
        asked.wanted,
        lambda setup: setup.settings.status is not TradingStatus.OFF or setup.key in states,
    )
    rows = [{**{name: as_row(setup)[name] for name in SET}, **summary(states.get(setup.key))} for setup in picked]
    out.rows(rows, COLUMNS, empty="nothing is traded; start with: hedgehog trading start SYMBOL")


def leader_states(config: Config, out: Output) -> dict[str, LeaderState]:
    """Return the newest state of every leader by instrument; note which cannot be read."""
    newest: dict[bytes, bytes] = {}
    keep_newest(newest, ((message.key() or b"", message.value()) for message in messages(config, [LEADERS])))
    codec = TRADING.state_codec()
    states = {}
    for key, value in newest.items():
        instrument = key.decode(errors="replace")
        try:
            states[instrument] = codec.decode(key, value).state
        except (UnreadableState, msgspec.DecodeError) as error:
            out.note(f"{LEADERS.full_name(config)}: the state of {instrument} cannot be read: {error}")
    return states


def summary(state: LeaderState | None) -> dict[str, Any]:
    """Return what is shown of a leader; nothing for an instrument that none has taken up yet."""
    if state is None:
        return {"leader": None, "traders": 0, "open_orders": 0, "orders": []}
    orders = [*state.orders.values(), *state.closing.values()]
    return {
        "leader": state.status.value,
        "traders": state.leader.head[COUNT],
        "open_orders": len(orders),
        "orders": [
            {
                "order": order.name,
                "client_order_id": order.client_order_id,
                "side": order.side.value,
                "price": plain(order.price),
                "quantity": plain(order.quantity),
                "executed_quantity": plain(order.executed_quantity),
                "status": order.status.value,
                "cancel_requested": order.cancel_requested,
            }
            for order in orders
        ],
    }
