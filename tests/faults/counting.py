"""An agent that counts the trades of each instrument: what one more agent takes, one file.

`faust -A tests.faults.counting worker` runs it alone.
"""

from collections.abc import Mapping

import msgspec

from infra.config import load_config
from schemas import topics
from schemas.codec import Codec
from schemas.journal_records import Applied
from schemas.records import Record, Trade
from schemas.topics import Topic
from streams.agents.agent import Agent, Environment
from streams.agents.trades import trades_of
from streams.delivery.batches import Batch
from streams.delivery.checkpoint import Checkpoint
from streams.delivery.keeper import Step
from streams.delivery.partition import Context
from streams.worker import HedgehogApp, make_app

EVERY = 50
"""A record is sent of every so many trades of an instrument."""


class Count(msgspec.Struct, kw_only=True):
    """How many trades of an instrument there were, and the sum of their ids."""

    exchange: str
    symbol: str
    trades: int = 0
    ids: int = 0
    changed: bool = False
    outbox: list[Record] = []


class CountingSteps:
    def __init__(self, trades: Codec[Trade]) -> None:
        self._trades = trades

    def on_trades(self, context: Context[Count], batch: Batch) -> None:
        trades = batch.once(trades_of, self._trades)
        for number, key in enumerate(trades.keys):
            rows = trades.rows(number, after=context.applied(key, context.topic))
            state = context.find(key) or context.add(key, new_count(key))
            columns = (trades.offsets[rows].tolist(), trades.columns.trade_id[rows].tolist())
            for offset, trade_id in zip(*columns, strict=True):
                count(state, context.partition, offset, trade_id)


def new_count(key: bytes) -> Count:
    exchange, symbol = key.decode().split(":")
    return Count(exchange=exchange, symbol=symbol)


def count(state: Count, partition: int, offset: int, trade_id: int) -> None:
    """Count a trade; the record of it, if there is one, has the count as its version."""
    state.trades += 1
    state.ids += trade_id
    state.changed = True
    if state.trades % EVERY == 0:
        record = Applied(
            exchange=state.exchange,
            symbol=state.symbol,
            version=state.trades,
            input_topic="trades",
            input_partition=partition,
            input_offset=offset,
            trades_offset=state.ids,
        )
        state.outbox.append(record)


def _make_steps(environment: Environment) -> Mapping[Topic, Step[Count]]:
    return {topics.TRADES: CountingSteps(environment.codecs[Trade]).on_trades}


COUNTING = Agent(
    name="counting",
    table="counts",
    state=Count,
    inputs=(topics.TRADES,),
    make_steps=_make_steps,
    storing=Checkpoint(seconds=0.5, records=4_000),
)


def __getattr__(name: str) -> HedgehogApp:
    if name == "app":
        return make_app(load_config(), agents=(COUNTING,))
    raise AttributeError(name)
