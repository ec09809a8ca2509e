"""The checks at the end: what was compared, how many rows, and whether it is the same."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import create_engine

from infra.config import Config
from producers.binance.protocol import EXCHANGE
from producers.bitstamp.protocol import EXCHANGE as BITSTAMP
from producers.recorded.files import read_trades
from schemas.market_records import Alert, Candle
from schemas.records import Trade
from schemas.sql.models import CandleRow
from schemas.topics import ALERTS, DEAD_LETTER_TOPICS, TRADES
from streams.audit.audit import audit
from streams.demo.candles import FIELDS, KEY, candles_of
from streams.demo.topic import records
from streams.demo.watched import WatchedExchange
from streams.topics.read import count
from streams.warehouse import agreement
from streams.warehouse.agreement import Comparison

SHOWN = 5
"""Differences that are printed of each check."""


@dataclass(frozen=True)
class Check:
    """The outcome of one check: what it compared, with the numbers of rows, and where it found a difference."""

    compared: str
    differences: tuple[str, ...] = ()
    found: int = 0
    """All differences; `differences` holds the first ones."""

    @property
    def passed(self) -> bool:
        return self.found == 0

    def lines(self) -> Iterator[str]:
        """Yield the lines of the check as it is printed."""
        yield f"{'OK    ' if self.passed else 'FAILED'}  {self.compared}"
        for difference in self.differences:
            yield f"        {difference}"
        if self.found > len(self.differences):
            yield f"        and {self.found - len(self.differences):,} more"


def all_checks(config: Config, journal: Path, watched: Sequence[WatchedExchange]) -> Iterator[Check]:
    """Yield every check of a pipeline at rest, one after the other."""
    trades = list(records(config, TRADES, Trade))
    looks: tuple[Callable[[], Check], ...] = (
        lambda: topic_has_what_was_sent(trades, journal),
        *(partial(nothing_is_missing, trades, each) for each in watched),
        lambda: postgres_has_the_topics(config),
        lambda: postgres_has_the_candles(config, trades),
        lambda: inputs_give_the_orders(config),
        lambda: alerts_are_told_once(config),
        lambda: no_dead_letters(config),
    )
    for look in looks:
        yield look()


def topic_has_what_was_sent(trades: Iterable[Trade], journal: Path) -> Check:
    """Check that `trades` has every trade that was sent once, exactly as sent, in its symbol's order, and no other."""
    sent, arrived = _by_symbol(read_trades(journal)), _by_symbol(t for t in trades if t.exchange == EXCHANGE)
    differences = [
        f"{symbol}: {text}"
        for symbol in sorted(sent.keys() | arrived.keys())
        for text in _compare(sent.get(symbol, []), arrived.get(symbol, []))
    ]
    return _check(
        f"exchange and topic: {_count(sent):,} trades that {EXCHANGE} sent, {_count(arrived):,} in topic "
        f"{TRADES.name}, every field but the time of receipt",
        differences,
    )


def nothing_is_missing(trades: Iterable[Trade], watched: WatchedExchange) -> Check:
    """Check that `trades` has every trade that an exchange made once, also those that its stream did not bring."""
    arrived = [trade for trade in trades if trade.exchange == watched.name]
    filled = Counter(trade.symbol for trade in arrived if trade.filled)
    # of a trade of the past Bitstamp tells the second only
    seconds = {_identity(trade) for trade in arrived if trade.filled} if watched.name == BITSTAMP else set()
    made = Counter(_told(trade, 1_000_000 if _identity(trade) in seconds else 1) for trade in read_trades(watched.tape))
    found = Counter(_told(trade) for trade in arrived)
    differences = [f"{trade} was made and is not in the topic" for trade in (made - found).elements()]
    differences += [f"{trade} in the topic was not made, or not so" for trade in (found - made).elements()]
    return _check(
        f"{watched.name} without holes: {made.total():,} trades that it made, {len(arrived):,} in topic {TRADES.name}, "
        f"each once; {filled.total():,} of them were missed by the stream and filled",
        differences,
    )


def postgres_has_the_candles(config: Config, trades: Iterable[Trade]) -> Check:
    """Check that the candles in Postgres are those which polars makes of the trades in the topic."""
    expected, engine = candles_of(trades), create_engine(config.database)
    try:
        found = {
            tuple(row[name] for name in KEY): {name: row[name] for name in FIELDS}
            for values in agreement.read_table(engine, CandleRow, Candle.__struct_fields__).values()
            for row in [dict(zip(Candle.__struct_fields__, values, strict=True))]
        }
    finally:
        engine.dispose()
    differences = [
        f"{':'.join(map(str, key))}: in Postgres {found.get(key)}, by polars {expected.get(key)}"
        for key in sorted(expected.keys() | found.keys())
        if found.get(key) != expected.get(key)
    ]
    return _check(
        f"candles: {len(found):,} in Postgres, the same as polars makes of the trades in topic {TRADES.name}",
        differences,
    )


def alerts_are_told_once(config: Config) -> Check:
    """Check that an alert that was sent twice, as after a crash, says the same: whoever reads takes it once."""
    alerts: dict[str, Alert] = {}
    differences, repeats = [], 0
    for alert in records(config, ALERTS, Alert):
        known = alerts.setdefault(alert.alert_id, alert)
        repeats += known is not alert
        if known != alert:
            differences.append(f"{alert.alert_id} was told in two ways: {known} and {alert}")
    kinds = Counter(alert.kind for alert in alerts.values())
    listed = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    return _check(
        f"alerts: {len(alerts):,}, each once ({listed or 'none'}; {repeats:,} records were sent twice, with the same "
        f"content)",
        differences,
    )


def postgres_has_the_topics(config: Config) -> Check:
    """Check that every record of the topics is a row of its table, field by field, and there is no other row."""
    compared = agreement.compare_with_topics(config)
    rows = ", ".join(f"{table.table} {table.keys:,} and {table.rows:,}" for table in compared)
    differences = [f"{table.table}: {text}" for table in compared for text in _disagreements(table)]
    return _check(f"topics and Postgres, every column: {rows} rows", differences)


def _disagreements(table: Comparison) -> Iterator[str]:
    yield from table.examples
    for what in ("differing", "missing", "extra", "conflicting", "undecodable"):
        count = getattr(table, what)
        if count:
            yield f"{count:,} {what}"


def inputs_give_the_orders(config: Config) -> Check:
    """Check that the recorded inputs give the recorded orders: nothing missing, nothing doubled, nothing different."""
    result = audit(config)
    instruments = "1 instrument" if result.instruments == 1 else f"{result.instruments} instruments"
    return _check(
        f"replay: {result.trades:,} trades and {result.fills:,} execution reports of {instruments} "
        f"give the recorded orders, {result.orders:,} of them, and these {result.reports:,} of the recorded fills "
        f"({result.repeats:,} records were sent twice, with the same content)",
        [
            f"{d.instrument} version {d.version}: recorded {d.recorded}, replayed {d.refolded}"
            for d in result.differences
        ],
    )


def no_dead_letters(config: Config) -> Check:
    """Check that there are no dead letters, neither ours nor a sink's."""
    letters = count(config, DEAD_LETTER_TOPICS)
    return _check(f"dead letters: {letters:,}", [f"{letters} records could not be handled"] if letters else [])


def _identity(trade: Trade) -> tuple[str, int]:
    return trade.symbol, trade.trade_id


def _told(trade: Trade, unit: int = 1) -> tuple[str, int, int, int, int, bool]:
    """Return what an exchange tells of a trade, its time in microseconds cut to whole `unit`s."""
    return *_identity(trade), trade.price, trade.quantity, trade.trade_time // unit * unit, trade.buyer_is_maker


def _check(compared: str, differences: list[str]) -> Check:
    return Check(compared, tuple(differences[:SHOWN]), len(differences))


def _by_symbol(trades: Iterable[Trade]) -> dict[str, list[Trade]]:
    found: dict[str, list[Trade]] = {}
    for trade in trades:
        # what the exchange does not send: when we received it, and who bought and sold
        sent = msgspec.structs.replace(trade, received_time=0, buyer_order_id=None, seller_order_id=None, filled=False)
        found.setdefault(trade.symbol, []).append(sent)
    return found


def _count(trades: dict[str, list[Trade]]) -> int:
    return sum(map(len, trades.values()))


def _compare(sent: list[Trade], arrived: list[Trade]) -> Iterator[str]:
    if sent == arrived:
        return
    missing, extra = Counter(sent) - Counter(arrived), Counter(arrived) - Counter(sent)
    yield from (f"trade {trade.trade_id} was sent and is not in the topic: {trade}" for trade in missing.elements())
    yield from (f"trade {trade.trade_id} in the topic was not sent, or not so: {trade}" for trade in extra.elements())
    if not missing and not extra:
        yield "the same trades in another order"
