"""What must hold after any fault, beside the audit."""

import json
from collections import defaultdict
from typing import Any

from infra.config import Config
from schemas import topics
from schemas.records import Fill
from schemas.registry import make_codec
from streams.audit.audit import Audit
from streams.audit.differences import counting
from streams.delivery.changelog import keep_newest
from streams.topics.read import messages


def open_orders(config: Config, table: topics.Topic) -> dict[str, set[str]]:
    """The client order ids that a table holds open, by instrument."""
    newest: dict[bytes, bytes] = {}
    keep_newest(newest, ((message.key() or b"", message.value()) for message in messages(config, [table])))
    found: dict[str, set[str]] = {}
    for key, value in newest.items():
        state: dict[str, Any] = json.loads(value)["state"]
        orders = state["orders"]
        held = [*orders.values(), *state["closing"].values()] if isinstance(orders, dict) else orders
        found[key.decode()] = {order["client_order_id"] for order in held}
    return found


def assert_fills_repeat_only_themselves(config: Config) -> None:
    """Fail for one fill id with two contents that count."""
    codec = make_codec(config, Fill)
    sent: defaultdict[str, list[tuple[int, Fill]]] = defaultdict(list)
    for message in messages(config, [topics.FILLS]):
        fill = codec.decode(message.value())
        sent[fill.instrument].append((message.offset() or 0, fill))
    seen: dict[str, Fill] = {}
    for found in sent.values():
        for fill in counting(found).values():
            assert seen.setdefault(fill.fill_id, fill) == fill


def assert_nothing_differs(config: Config, result: Audit) -> None:
    """What was recorded is what the inputs give, of leaders and exchange, and both hold the same orders open."""
    assert result.orders > 100, "the load must cause orders for this to prove anything"
    assert result.differences == []
    assert result.unproven == []
    assert result.reports > 100, "the exchange must have reported for this to prove anything"
    assert open_orders(config, topics.LEADERS) == open_orders(config, topics.BOOKS)
    assert_fills_repeat_only_themselves(config)
