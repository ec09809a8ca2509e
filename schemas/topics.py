"""Every topic of the system: name, value, retention. The app, the topic creation and the CLI read this."""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from infra.config import Config
from schemas.gap_records import Gap
from schemas.journal_records import Applied, Checkpoint
from schemas.market_records import Alert, Candle, Digest, Quote
from schemas.records import DeadLetter, Fill, Instrument, Order, Record, Settings, Trade
from schemas.watches import Snooze, Watch

DAY_MS = 86_400_000
LONG = {"cleanup.policy": "delete", "retention.ms": str(3_650 * DAY_MS)}
A_YEAR = {"cleanup.policy": "delete", "retention.ms": str(366 * DAY_MS)}
# A letter holds a record of the largest size that the broker takes, and says more about it.
LETTERS = {**LONG, "max.message.bytes": str(4 << 20)}
A_DAY = {"cleanup.policy": "delete", "retention.ms": str(DAY_MS)}
COMPACT = {"cleanup.policy": "compact"}
# The record that says all may come a while after those that say what changed, see `producers.settings_topic`.
COMPACT_LATER = {**COMPACT, "min.compaction.lag.ms": str(7 * DAY_MS)}
STATE_BYTES_MAX = 16 << 20
"""Largest state with its outbox: a batch of 2,000 partial fills of one instrument makes some two megabytes."""
# Recovery reads a changelog record by record, so its history is kept short.
CHANGELOG = {
    "cleanup.policy": "compact",
    "segment.bytes": str(16 << 20),
    "segment.ms": "60000",
    "min.cleanable.dirty.ratio": "0.1",
    # A worker that was frozen may store a late state: until its successor has stored its own again, both are there.
    "min.compaction.lag.ms": "600000",
    "max.compaction.lag.ms": "660000",
    "max.message.bytes": str(STATE_BYTES_MAX),
}


@dataclass(frozen=True)
class Topic:
    """One topic; `name` is without the installation's prefix.

    `record` is `None` where the bytes are not ours: Faust's changelogs, what a sink could not write, an export.
    """

    name: str
    record: type[Record] | None
    purpose: str
    config: dict[str, str] = field(default_factory=dict, hash=False)
    key: Callable[[Any], str] = attrgetter("instrument")
    """The key of one of its records."""

    def full_name(self, config: Config) -> str:
        """The name on the broker."""
        return f"{config.topic_prefix}{self.name}"

    def subject(self, config: Config) -> str:
        """The name under which the registry keeps the schema of its values."""
        return f"{self.full_name(config)}-value"


def changelog(table: str, purpose: str) -> Topic:
    """The changelog topic of a Faust table of our application."""
    return Topic(f"hedgehog-{table}-changelog", None, purpose, CHANGELOG)


LEADERS_TABLE = "leaders"
BOOKS_TABLE = "books"
MARKETS_TABLE = "markets"
PAIRS_TABLE = "pairs"

TRADES = Topic("trades", Trade, "every trade of the streamed markets", LONG)
ORDERS = Topic("orders", Order, "a snapshot at every change of an order", LONG)
FILLS = Topic("fills", Fill, "execution reports of the exchange", LONG)
INSTRUMENTS = Topic("instruments", Instrument, "what the exchange says of each instrument", COMPACT)
SETTINGS = Topic("settings", Settings, "what the user decides about each instrument", COMPACT_LATER)
WATCHES = Topic("watches", Watch, "what the user wants to be told of each instrument", COMPACT_LATER)
SNOOZES = Topic("snoozes", Snooze, "until when nobody is told of an instrument, or of any", COMPACT)
APPLIED = Topic("applied", Applied, "the journal of leaders and books: which input after which trade", LONG)
CHECKPOINTS = Topic("checkpoints", Checkpoint, "states of leaders and books, to replay from", LONG)
GAPS = Topic("gaps", Gap, "trades that a stream did not bring, and what became of them", COMPACT, attrgetter("key"))
CANDLES = Topic("candles", Candle, "candles of 1 minute to a day, closed and revised ones", LONG)
QUOTES = Topic(
    "quotes", Quote, "last prices of seconds, of what is compared between exchanges", A_DAY, attrgetter("pair")
)
ALERTS = Topic("alerts", Alert, "what is to be told of an instrument", A_YEAR)
DIGESTS = Topic("digests", Digest, "how an instrument stands, minute by minute", A_YEAR)
SCHEMAS = Topic("schemas", None, "a copy of the registry's schemas with their ids, should it lose them", COMPACT)
DEAD_LETTERS = Topic(
    "dead-letters",
    DeadLetter,
    "what could not be handled",
    LETTERS,
    lambda letter: f"{letter.topic}:{letter.partition}:{letter.offset}",
)
LEADERS = changelog(LEADERS_TABLE, "state of the leaders")
BOOKS = changelog(BOOKS_TABLE, "state of the mock exchange's books")
MARKETS = changelog(MARKETS_TABLE, "state of the market's candles and alerts")
PAIRS = changelog(PAIRS_TABLE, "state of the pairs that are compared between exchanges")

SINKS = (TRADES, ORDERS, FILLS, INSTRUMENTS, SETTINGS, CANDLES, WATCHES)
"""The topics that Kafka Connect writes into the table of the same name."""


def sink_dead_letters(topic: Topic) -> Topic:
    """The topic of the records that the sink of `topic` could not write, as they were, errors in headers."""
    return Topic(f"dlq-{topic.name}", None, f"what the {topic.name} sink could not write", LETTERS)


DEAD_LETTER_TOPICS = (DEAD_LETTERS, *(sink_dead_letters(topic) for topic in SINKS))
"""Where dead letters are: ours, and those of each sink."""

TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        *(TRADES, ORDERS, FILLS, INSTRUMENTS, SETTINGS, WATCHES, SNOOZES, APPLIED, CHECKPOINTS),
        *(GAPS, CANDLES, QUOTES, ALERTS, DIGESTS, DEAD_LETTERS, SCHEMAS, LEADERS, BOOKS, MARKETS, PAIRS),
        *(sink_dead_letters(topic) for topic in SINKS),
    )
}
