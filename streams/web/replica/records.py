"""Everything but trades: what the topics say, record by record, onto the board."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas import topics
from schemas.codec import Codec, CodecError
from schemas.gap_records import Gap, GapStatus
from schemas.market_records import Alert
from schemas.records import Fill, Instrument, Order, Record, Settings
from schemas.topics import Topic
from schemas.watches import Snooze, Watch
from streams.agents.trading import TRADING
from streams.delivery.changelog import place_of
from streams.delivery.states import UnreadableState
from streams.web.model import board as fold
from streams.web.model.board import PIPELINE, Board
from streams.web.model.pipeline import facts_of
from streams.web.replica.pace import Latencies

COMPACTED = (topics.INSTRUMENTS, topics.SETTINGS, topics.WATCHES, topics.SNOOZES, topics.GAPS, topics.LEADERS)
"""Read whole; what was there when reading began is there before anything is shown."""
TAILED = (topics.ORDERS, topics.FILLS, topics.ALERTS)

TAKE: dict[type[Record], Callable[[Board, Any], None]] = {
    Instrument: fold.take_instrument,
    Settings: fold.take_settings,
    Watch: fold.take_watch,
    Snooze: fold.take_snooze,
    Order: fold.take_order,
    Fill: fold.take_fill,
    Alert: fold.take_alert,
}


class Records:
    """The records of these topics as they come. `unread` counts what is no record, by topic."""

    def __init__(self, codecs: dict[str, Codec[Any]], latencies: Latencies) -> None:
        self._codecs = codecs
        self._latencies = latencies
        self._places: dict[bytes, tuple[int, int]] = {}
        self._leaders = TRADING.state_codec()
        self._gaps: dict[str, GapStatus] = {}
        self.unread: dict[str, int] = {}

    def take(self, board: Board, topic: Topic, messages: Sequence[Any]) -> None:
        """Fold messages of one partition in their order."""
        if topic is topics.LEADERS:
            self._take_leaders(board, messages)
            return
        for message in messages:
            try:
                record = self._codecs[topic.name].decode(message.value)
            except CodecError:
                # whoever has to handle it makes a dead letter of it, which is shown
                self.unread[topic.name] = self.unread.get(topic.name, 0) + 1
                continue
            if isinstance(record, Gap):
                self._take_gap(board, record)
            else:
                TAKE[type(record)](board, record)
                if isinstance(record, Order) and record.created_time == record.updated_time:
                    self._latencies.add(message.timestamp - record.created_time // 1_000)

    def _take_leaders(self, board: Board, messages: Sequence[Any]) -> None:
        newest: dict[bytes, bytes | None] = {}
        for message in messages:
            if message.value is None:
                self._places.pop(message.key, None)
                newest[message.key] = None
                continue
            place = place_of(message.value)
            if place >= self._places.get(message.key, (0, 0)):
                self._places[message.key] = place
                newest[message.key] = message.value
        for key, value in newest.items():
            try:
                state = None if value is None else self._leaders.decode(key, value).state
            except (UnreadableState, msgspec.DecodeError):
                self.unread[topics.LEADERS.name] = self.unread.get(topics.LEADERS.name, 0) + 1
                continue
            fold.take_leader(board, key.decode(errors="replace"), state)

    def _take_gap(self, board: Board, gap: Gap) -> None:
        self._gaps[gap.key] = gap.status
        if gap.status is GapStatus.FILLED:
            del self._gaps[gap.key]
        facts = facts_of(board)
        facts.gaps_open = sum(status is GapStatus.OPEN for status in self._gaps.values())
        facts.gaps_lost = len(self._gaps) - facts.gaps_open
        board.touch(PIPELINE)
