"""The trading job in Quix Streams: a stateful function over the trades, its orders to their topic.

Runs in an environment of its own (`infra/requirements-bench.lock`); the folder of the project is on the path.
"""

from typing import Any

from quixstreams import Application, State, message_context

from infra.config import load_config
from schemas.topics import ORDERS, TRADES
from tests.bench.per_record import TradingJob

STATE = "leader"


def main() -> None:
    """Run until a signal ends it."""
    config = load_config()
    app = Application(
        broker_address=config.bootstrap,
        consumer_group=f"{config.topic_prefix}quix",
        auto_offset_reset="earliest",
        commit_interval=1.0,
        # The default would put a key elsewhere than all other writers do.
        producer_extra_config={"partitioner": "murmur2_random"},
        state_dir=str(config.data_dir / "quix"),
        loglevel="WARNING",
    )
    raw: dict[str, Any] = {"key_serializer": "bytes", "value_serializer": "bytes"}
    job = TradingJob(config)

    def trade(value: bytes, key: bytes, timestamp: int, headers: Any, state: State) -> list[bytes]:
        at = message_context()
        changed = job.apply(key, at.partition, at.offset, value, lambda: state.get_bytes(STATE))
        if changed is None:
            return []
        stored, orders = changed
        state.set_bytes(STATE, stored)
        return orders

    trades = app.topic(TRADES.full_name(config), key_deserializer="bytes", value_deserializer="bytes")
    orders = app.topic(ORDERS.full_name(config), **raw)
    app.dataframe(trades).apply(trade, stateful=True, expand=True, metadata=True).to_topic(orders)
    app.run()


if __name__ == "__main__":
    main()
