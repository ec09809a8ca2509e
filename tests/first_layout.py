"""What commit 7ab30b9 wrote: settings that also say what the exchange says, and all that came of them.

The bytes and the states were made by the leader, the book, the codec and the keeper of that commit, from three changes
of settings and five trades: two instruments, one of them traded, with a BUY and a SELL open at the end.
"""

import json
from pathlib import Path

FOLDER = Path(__file__).parent / "data" / "7ab30b9"

TRADED, IDLE = "test:OLDUSDT", "test:IDLEUSDT"
TOPIC_NAMES = ("trades", "orders", "fills", "settings", "applied", "dead-letters")
OLD_SCHEMAS = {name: (FOLDER / f"{name}.avsc").read_text() for name in TOPIC_NAMES}
"""The schemas of that commit, by the topic's name."""

_WRITTEN: dict[str, list[tuple[str, str]]] = json.loads((FOLDER / "written.json").read_text())


def records(topic: str, schema_id: int) -> list[tuple[str, bytes]]:
    """Keys and values of a topic, in its order, under the id that the registry gave their schema."""
    return [(key, b"\x00" + schema_id.to_bytes(4, "big") + bytes.fromhex(body)) for key, body in _WRITTEN[topic]]


def states(table: str) -> list[tuple[str, bytes]]:
    """Keys and values of a table's changelog."""
    return [(key, text.encode()) for key, text in _WRITTEN[table]]
