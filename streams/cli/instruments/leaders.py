"""What the leaders say of themselves: the newest state of each, from the changelog of the trading agent."""

from typing import Any

import msgspec

from infra.config import Config
from schemas.topics import LEADERS
from schemas.units import plain
from streams.cli.output import Output
from streams.topics.read import messages
from streams.trading.leader import LeaderState
from streams.trading.strategy import COUNT


class _Stored(msgspec.Struct):
    """A value of the changelog; what was to be sent with it is not of interest here."""

    state: LeaderState


def leader_states(config: Config, out: Output) -> dict[str, LeaderState]:
    """Return the newest state of every leader by instrument; note which cannot be read."""
    newest: dict[str, bytes] = {}
    for message in messages(config, [LEADERS]):
        key, value = message.key(), message.value()
        instrument = key.decode(errors="replace") if isinstance(key, bytes) else str(key)
        if isinstance(value, bytes):
            newest[instrument] = value
        else:
            newest.pop(instrument, None)
    decode = msgspec.json.Decoder(_Stored).decode
    states = {}
    for instrument, value in newest.items():
        try:
            states[instrument] = decode(value).state
        except msgspec.DecodeError as error:
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
