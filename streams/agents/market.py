"""The market agent: trades in, and what the user wants to be told; candles, alerts, digests and quotes out."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from schemas import topics
from schemas.codec import Codec
from schemas.errors import Refused
from schemas.market_records import Alert, Candle, Digest, Quote
from schemas.records import Record, Trade
from schemas.topics import Topic
from schemas.units import VOLUME_MAX
from schemas.watches import Watch
from streams.agents.agent import Agent, Environment
from streams.agents.trades import trades_of
from streams.delivery.batches import Batch
from streams.delivery.checkpoint import Checkpoint
from streams.delivery.keeper import Step
from streams.delivery.partition import Context
from streams.delivery.states import HEAD, Split
from streams.market import alerts, checkpoint
from streams.market.checkpoint import PART_NAMES, Head, Part, part_name, take_checkpoint
from streams.market.kernel import SECOND_US, TIME, TRADE_ID
from streams.market.rules import WatchRules, rules_of
from streams.market.state import Made, MarketState, Trades, begin_anew, fields_of, new_state
from streams.market.step import apply_trades

log = logging.getLogger(__name__)

VOLUMES = {"volume", "quote_volume", "taker_buy_volume"}


class Watched(msgspec.Struct):
    """The market of one instrument, what is to be told of it, and what it made that nobody has taken yet."""

    market: MarketState
    watch: Watch | None = None
    rules: WatchRules = WatchRules()
    """Those of the watch, or the defaults."""
    changed: bool = False
    outbox: list[Record] = []


class WatchedHead(msgspec.Struct, array_like=True):
    """What is stored each time. An instrument may be watched before it has trades: then it has no market yet."""

    instrument: str
    watch: Watch | None
    rules: WatchRules
    market: Head | None


class MarketSteps:
    """What the market agent does with a batch of trades, or of watches.

    Records that are no trade are left to the trading agent, which makes dead letters of them.
    """

    def __init__(self, trades: Codec[Trade], watches: Codec[Watch]) -> None:
        self._trades = trades
        self._watches = watches

    def on_watches(self, context: Context[Watched], batch: Batch) -> None:
        context.each(lambda record: self._on_watch(context, record))

    def _on_watch(self, context: Context[Watched], record: Any) -> None:
        watch = self._watches.decode(record.value)
        if record.key != watch.instrument.encode():
            raise Refused(f"key: {record.key!r} is not {watch.instrument}")
        state = context.find(record.key) or context.add(record.key, Watched(new_state(watch.instrument)))
        state.watch = watch.upon(state.watch)
        state.rules = rules_of(state.watch, record.offset)
        state.changed = True

    def on_trades(self, context: Context[Watched], batch: Batch) -> None:
        trades = batch.once(trades_of, self._trades)
        for number, key in enumerate(trades.keys):
            found = trades.rows(number, after=context.applied(key, context.topic))
            rows = np.arange(len(trades.offsets))[found] if isinstance(found, slice) else found
            if len(rows):
                state = context.find(key) or context.add(key, Watched(new_state(key.decode())))
                given = Trades(trades.offsets, trades.columns.table, rows, trades.columns.cut)
                made = apply_trades(state.market, given, state.rules)
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
        yield alert_record(alert)
    for quote in made.quotes:
        yield Quote(**_fields(quote))
    for digest in made.digests:
        fields = {**_fields(digest.day), **_fields(digest)}
        del fields["day"], fields["close"]
        yield Digest(**fields)


def alert_record(alert: alerts.Alert) -> Alert:
    """The record of an alert."""
    return Alert(**{**_fields(alert), "kind": alert.kind.value, "direction": alert.direction.value})


def _fields(made: NamedTuple) -> dict[str, Any]:
    """Return the fields of a record; of sums that the wire does not hold, the largest that it does."""
    fields = fields_of(made)
    if "instrument" in fields:
        fields["exchange"], _, fields["symbol"] = fields.pop("instrument").partition(":")
    for name in VOLUMES & fields.keys():
        fields[name] = min(fields[name], VOLUME_MAX)
    return fields


def _make_steps(environment: Environment) -> Mapping[Topic, Step[Watched]]:
    compile_steps()
    steps = MarketSteps(environment.codecs[Trade], environment.codecs[Watch])
    return {topics.TRADES: steps.on_trades, topics.WATCHES: steps.on_watches}


def compile_steps() -> None:
    """Compile what trades and stored states need, or load what was compiled before."""
    columns, rows = np.full((5, 4), 1, np.int64), np.arange(4)
    columns[TRADE_ID], columns[TIME] = (1, 3, 2, 4), (1, 1, 1, 70 * SECOND_US)
    state = new_state("nobody:NOTHING")
    apply_trades(state, Trades(rows, columns, rows, {}), WatchRules())
    checkpoint.change_all(state)
    checkpoint.rebuild(take_checkpoint(state), [])


def _take(state: Watched) -> Iterator[tuple[str, WatchedHead | Part]]:
    market = None if state.market.history.open is None else take_checkpoint(state.market)
    yield HEAD, WatchedHead(state.market.instrument, state.watch, state.rules, market)
    yield from ((part_name(part), part) for part in (market.parts if market else ()))


def _rebuild(head: WatchedHead, parts: list[Part]) -> Watched:
    market = new_state(head.instrument) if head.market is None else checkpoint.rebuild(head.market, parts)
    return Watched(market, head.watch, head.rules)


def _change_all(state: Watched) -> None:
    checkpoint.change_all(state.market)


def _begin_anew(state: Watched, topic: str, _: str) -> None:
    if topic == topics.TRADES.name:
        begin_anew(state.market)
        state.changed = True
    elif topic == topics.WATCHES.name:
        state.watch, state.rules, state.changed = None, WatchRules(), True


MARKET = Agent(
    name="market",
    table=topics.MARKETS_TABLE,
    state=Watched,
    inputs=(topics.TRADES, topics.WATCHES),
    make_steps=_make_steps,
    storing=Checkpoint(),
    outputs=(topics.CANDLES, topics.QUOTES, topics.ALERTS, topics.DIGESTS),
    begin_anew=_begin_anew,
    split=Split(WatchedHead, Part, PART_NAMES, _take, _rebuild, _change_all),
)
