"""The market agent: trades in; candles, alerts and digests out."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from schemas import topics
from schemas.codec import Codec
from schemas.market_records import Alert, Candle, Digest
from schemas.records import Record, Trade
from schemas.topics import Topic
from schemas.units import VOLUME_MAX
from streams.agents.agent import Agent, Environment
from streams.agents.trades import trades_of
from streams.delivery.batches import Batch
from streams.delivery.checkpoint import Checkpoint
from streams.delivery.keeper import Step
from streams.delivery.partition import Context
from streams.delivery.states import HEAD, Split
from streams.market import checkpoint
from streams.market.checkpoint import PART_NAMES, Head, Part, part_name, take_checkpoint
from streams.market.kernel import SECOND_US, TIME, TRADE_ID
from streams.market.rules import WatchRules
from streams.market.state import Made, MarketState, Trades, begin_anew, fields_of, new_state
from streams.market.step import apply_trades

log = logging.getLogger(__name__)

DEFAULTS = WatchRules()
VOLUMES = {"volume", "quote_volume", "taker_buy_volume"}


class Watched(msgspec.Struct):
    """The market of one instrument, and what it made that nobody has taken yet."""

    market: MarketState
    changed: bool = False
    outbox: list[Record] = []


class MarketSteps:
    """What the market agent does with a batch of trades.

    Records that are no trade are left to the trading agent, which makes dead letters of them.
    """

    def __init__(self, trades: Codec[Trade]) -> None:
        self._trades = trades

    def on_trades(self, context: Context[Watched], batch: Batch) -> None:
        trades = batch.once(trades_of, self._trades)
        for number, key in enumerate(trades.keys):
            found = trades.rows(number, after=context.applied(key, context.topic))
            rows = np.arange(len(trades.offsets))[found] if isinstance(found, slice) else found
            if len(rows):
                state = context.find(key) or context.add(key, Watched(new_state(key.decode())))
                given = Trades(trades.offsets, trades.columns.table, rows, trades.columns.cut)
                made = apply_trades(state.market, given, DEFAULTS)
                state.changed |= state.market.history.open is not None
                state.outbox += _records(made)
                if made.too_late:
                    _log_too_late(state.market.instrument, made.too_late)


def _log_too_late(instrument: str, offsets: list[int]) -> None:
    why = "older than the 24-hour window, or of no year"
    log.warning(
        "%s: %d trades count for nothing: %s; the first is offset %d", instrument, len(offsets), why, offsets[0]
    )


def _records(made: Made) -> Iterator[Record]:
    for candle in made.candles:
        yield Candle(**_fields(candle))
    for alert in made.alerts:
        yield Alert(**{**_fields(alert), "kind": alert.kind.value, "direction": alert.direction.value})
    for digest in made.digests:
        fields = {**_fields(digest.day), **_fields(digest)}
        del fields["day"], fields["close"]
        yield Digest(**fields)


def _fields(made: NamedTuple) -> dict[str, Any]:
    """Return the fields of a record; of sums that the wire does not hold, the largest that it does."""
    fields = fields_of(made)
    if "instrument" in fields:
        fields["exchange"], _, fields["symbol"] = fields.pop("instrument").partition(":")
    for name in VOLUMES & fields.keys():
        fields[name] = min(fields[name], VOLUME_MAX)
    return fields


def _make_steps(environment: Environment) -> Mapping[Topic, Step[Watched]]:
    _compile()
    return {topics.TRADES: MarketSteps(environment.codecs[Trade]).on_trades}


def _compile() -> None:
    """Compile what trades and stored states need, or load what was compiled before."""
    columns, rows = np.full((5, 4), 1, np.int64), np.arange(4)
    columns[TRADE_ID], columns[TIME] = (1, 3, 2, 4), (1, 1, 1, 70 * SECOND_US)
    state = new_state("nobody:NOTHING")
    apply_trades(state, Trades(rows, columns, rows, {}), DEFAULTS)
    checkpoint.change_all(state)
    checkpoint.rebuild(take_checkpoint(state), [])


def _take(state: Watched) -> Iterator[tuple[str, Head | Part]]:
    head = take_checkpoint(state.market)
    yield HEAD, head
    yield from ((part_name(part), part) for part in head.parts)


def _rebuild(head: Head, parts: list[Part]) -> Watched:
    return Watched(checkpoint.rebuild(head, parts))


def _change_all(state: Watched) -> None:
    checkpoint.change_all(state.market)


def _begin_anew(state: Watched, topic: str, _: str) -> None:
    if topic == topics.TRADES.name:
        begin_anew(state.market)
        state.changed = True


MARKET = Agent(
    name="market",
    table=topics.MARKETS_TABLE,
    state=Watched,
    inputs=(topics.TRADES,),
    make_steps=_make_steps,
    storing=Checkpoint(),
    outputs=(topics.CANDLES, topics.ALERTS, topics.DIGESTS),
    begin_anew=_begin_anew,
    split=Split(Head, Part, PART_NAMES, _take, _rebuild, _change_all),
)
