"""What the leaders say of themselves: the newest state of each, from the changelog of the trading agent."""

import json
from typing import Any

from infra.config import Config
from schemas.topics import LEADERS
from streams.cli.output import out
from streams.cli.scan import messages


def leader_states(config: Config) -> dict[str, dict[str, Any]]:
    """The newest state of every leader by instrument; a state that is no JSON object is passed over, and said."""
    states: dict[str, dict[str, Any]] = {}
    for message in messages(config, [LEADERS.full_name(config)]):
        key, value = message.key(), message.value()
        instrument = key.decode(errors="replace") if isinstance(key, bytes) else str(key)
        if value is None:
            states.pop(instrument, None)
            continue
        try:
            state = json.loads(value)
        except ValueError:
            state = None
        if isinstance(state, dict):
            states[instrument] = state
        else:
            out.note(f"{LEADERS.name}, offset {message.offset()}: the state of {instrument} cannot be read")
    return states


def summary(state: dict[str, Any] | None) -> dict[str, Any]:
    """What of a leader's state is shown; nothing for an instrument that no leader has taken up yet."""
    if state is None:
        return {"leader": None, "traders": 0, "open_orders": 0}
    return {
        "leader": state.get("status"),
        "traders": len(state.get("traders") or []),
        "open_orders": len(state.get("orders") or {}),
    }
