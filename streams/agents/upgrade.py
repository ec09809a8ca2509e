"""Stored states of older layouts."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any


def from_first_layout(value: dict[str, Any], offsets: Mapping[str, str]) -> dict[str, Any]:
    """Return a stored value of layout 1, as JSON, in layout 2.

    Layout 1 kept the offsets in the state, in the fields that `offsets` names by topic, and sent everything under the
    key of the state.
    """
    state = value["state"]
    key = f"{state['exchange']}:{state['symbol']}".encode()
    return {
        "version": 2,
        "offsets": {topic: state[field] for topic, field in offsets.items()},
        "state": state,
        "outbox": [(topic, b64encode(key).decode(), None, data) for topic, data in value["outbox"]],
    }
