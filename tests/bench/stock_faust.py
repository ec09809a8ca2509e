"""The trading job in Faust as it comes: one event at a time, a table, ordinary sends.

`faust -A tests.bench.stock_faust worker`
"""

from functools import partial
from typing import Any

import faust

from infra.config import load_config
from schemas.topics import ORDERS, TRADES
from tests.bench.per_record import TradingJob

TABLE = "leaders"

config = load_config()
group = f"{config.topic_prefix}stock"

app = faust.App(
    group,
    broker=f"kafka://{config.bootstrap}",
    store="memory://",
    datadir=str(config.data_dir / "stock"),
    topic_partitions=config.partitions,
    topic_allow_declare=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    broker_commit_interval=1.0,
    value_serializer="raw",
    key_serializer="raw",
)
raw: dict[str, Any] = {
    "key_type": bytes,
    "value_type": bytes,
    "key_serializer": "raw",
    "value_serializer": "raw",
}
leaders = app.Table(TABLE, key_type=bytes, value_type=bytes, partitions=config.partitions)
orders = app.topic(ORDERS.full_name(config), **raw)


@app.agent(app.topic(TRADES.full_name(config), **raw))
async def trading(stream: Any) -> None:
    job = TradingJob(config)
    async for event in stream.events():
        message, key = event.message, event.key
        changed = job.apply(key, message.partition, message.offset, event.value, partial(leaders.get, key))
        if changed is not None:
            leaders[key], sent = changed
            for order in sent:
                await orders.send(key=key, value=order)
