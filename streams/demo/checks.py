"""The checks at the end: what was compared, how many rows, and whether it is the same."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infra.config import Config
from producers.recorded.files import read_trades
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.topics import DEAD_LETTER_TOPICS, TRADES
from streams.audit.audit import audit
from streams.topics.read import count, messages
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


def all_checks(config: Config, journal: Path) -> Iterator[Check]:
    """Yield every check of a pipeline at rest, one after the other."""
    looks: tuple[Callable[[], Check], ...] = (
        lambda: topic_has_what_was_sent(config, journal),
        lambda: postgres_has_the_topics(config),
        lambda: inputs_give_the_orders(config),
        lambda: no_dead_letters(config),
    )
    for look in looks:
        yield look()


def topic_has_what_was_sent(config: Config, journal: Path) -> Check:
    """Check that `trades` has every trade that was sent once, exactly as sent, in its symbol's order, and no other."""
    codec = make_codec(config, Trade)
    sent, arrived = (
        _by_symbol(read_trades(journal)),
        _by_symbol(
            codec.decode(value)
            for message in messages(config, [TRADES])
            for value in [message.value()]
            if isinstance(value, bytes)
        ),
    )
    differences = [
        f"{symbol}: {text}"
        for symbol in sorted(sent.keys() | arrived.keys())
        for text in _compare(sent.get(symbol, []), arrived.get(symbol, []))
    ]
    return _check(
        f"exchange and topic: {_count(sent):,} trades that the exchange sent, {_count(arrived):,} in topic "
        f"{TRADES.name}, every field but the time of receipt",
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
