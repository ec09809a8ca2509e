"""What the notifier knows, and for whom each record is: a fold of the topics into the destinations' queues. No I/O.

Times are microseconds, UTC.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import msgspec

from schemas.gap_records import Gap
from schemas.market_records import Alert, Digest
from schemas.records import Fill, Keyed, Order
from schemas.units import ONE
from schemas.watches import ANY, Snooze, Watch
from streams.notify.chat import EVERYTHING, Chat, Kept, merged, offer, positions
from streams.notify.gaps import stayed, take_gap
from streams.notify.ledger import Ledger, take_fill, take_order
from streams.notify.notices import TRADING_KINDS, Notice, Place, Standing, of_alert, silent_feed

SECOND = 1_000_000
MINUTE = 60 * SECOND


class State(msgspec.Struct):
    """What survives a restart."""

    chats: dict[str, Kept] = {}
    """By sink and address."""
    ledger: Ledger = msgspec.field(default_factory=Ledger)
    gaps: dict[str, Gap] = {}
    """Those that may still be filled, by their keys."""
    topics: dict[str, str] = {}
    """The ids that the broker had given the topics: those of topics that are made anew are others."""
    handled: list[int] = []
    """The newest updates of Telegram whose effect is done, by their ids."""


@dataclass
class Hub:
    """The notifier's memory."""

    state: State
    chats: dict[str, Chat] = field(default_factory=dict)
    """By sink and address, as in the state."""
    watches: dict[str, Watch] = field(default_factory=dict)
    snoozed: dict[str, int] = field(default_factory=dict)
    """By instrument or `EVERYTHING`, until when no destination is told; a chat's own snoozes are in its state."""
    standings: dict[str, Standing] = field(default_factory=dict)
    """Of every instrument, as its newest digest says."""
    silent: dict[str, int] = field(default_factory=dict)
    """Of every instrument whose silence was told, since when it is silent."""
    stayed: Set[str] = frozenset()
    """Ids of the notices of the gaps that have stayed: these were told."""
    consumed: dict[str, int] = field(default_factory=dict)
    """By partition, the offset after the last record that was taken."""

    def add(self, key: str, chat: Chat) -> None:
        """Add a destination, with what is kept of it."""
        chat.kept = self.state.chats.setdefault(key, Kept())
        chat.snoozed_everywhere = self.snoozed
        self.chats[key] = chat

    def know_topics(self, ids: Mapping[str, str]) -> list[str]:
        """Take note of the topics' ids; return those that were made anew, and forget what was known of the old ones."""
        anew = [name for name, topic_id in ids.items() if self.state.topics.get(name, topic_id) != topic_id]
        for kept in self.state.chats.values() if anew else ():
            kept.positions = {
                key: offset for key, offset in kept.positions.items() if key.rpartition(":")[0] not in anew
            }
            # offsets begin anew, and ids are made of them
            kept.told = {}
        if anew:
            self.state.ledger = Ledger()
            self.state.gaps = {}
        self.state.topics = dict(ids)
        return anew

    def take(self, record: Keyed, place: Place) -> None:
        """Take one record of alerts, digests, orders, fills or gaps."""
        if isinstance(record, Digest):
            self._take_digest(record)
            return
        for notice in self._notices(record, place):
            self._tell(notice)

    def snooze(self, snooze: Snooze) -> None:
        """Tell no destination of an instrument, or of any, before that time."""
        self.snoozed[EVERYTHING if snooze.symbol == ANY else snooze.instrument] = snooze.until

    def passed(self, place: Place) -> None:
        """Note that nothing up to this record is to be read again, once what was made of it has been told."""
        self.consumed[place.key] = place.offset + 1

    def look_for_silence(self, now: int) -> None:
        """Tell which watched instruments had no trade for longer than wanted; each silence is told once."""
        for instrument, watch in self.watches.items():
            standing = self.standings.get(instrument)
            if standing is None or not watch.silence or not watch.digest_minutes:
                continue
            # the digest of a minute comes with the first trade after it
            longest = watch.silence * SECOND + watch.digest_minutes * MINUTE
            if now - standing.time > longest and self.silent.get(instrument) != standing.time:
                self.silent[instrument] = standing.time
                self._tell(silent_feed(instrument, standing.time, now))

    def look_for_gaps(self, now: int) -> None:
        """Tell which gaps have stayed; each is told once."""
        found = {notice.notice_id: notice for notice in stayed(self.state.gaps, now)}
        for notice_id in found.keys() - self.stayed:
            self._tell(found[notice_id])
        self.stayed = found.keys()

    def watched(self) -> dict[str, Standing]:
        """Return how the watched instruments stand."""
        return {key: standing for key, standing in self.standings.items() if self._shows(key)}

    def commits(self) -> dict[str, int]:
        """Return by partition the offset from which a successor has to read; note it for each destination."""
        each = [positions(chat, self.consumed) for chat in self.chats.values()]
        for chat, own in zip(self.chats.values(), each, strict=True):
            for key, offset in own.items():
                # what is read again after a crash may have been told: a position never goes back
                chat.kept.positions[key] = max(offset, chat.kept.positions.get(key, 0))
        return merged(each, self.consumed)

    def _notices(self, record: Keyed, place: Place) -> list[Notice]:
        match record:
            case Alert():
                return [of_alert(record, place)]
            case Fill():
                return take_fill(self.state.ledger, record, place)
            case Order():
                return take_order(record, place)
            case Gap():
                return take_gap(self.state.gaps, record, place)
        raise TypeError(f"{type(record).__name__} is nothing to be told")

    def _tell(self, notice: Notice) -> None:
        if self._is_wanted(notice.instrument, notice.kind):
            for chat in self.chats.values():
                offer(chat, notice)

    def _take_digest(self, digest: Digest) -> None:
        key = digest.instrument
        if key in self.standings and digest.time <= self.standings[key].time:
            return
        change = (digest.price - digest.open) * ONE // digest.open
        self.standings[key] = Standing(key, digest.time, digest.price, digest.average, change, digest.high, digest.low)
        if self._shows(key):
            for chat in self.chats.values():
                chat.board_changed = True

    def _shows(self, instrument: str) -> bool:
        watch = self.watches.get(instrument)
        return watch is not None and watch.watched and watch.digest_minutes > 0

    def _is_wanted(self, instrument: str, kind: str) -> bool:
        watch = self.watches.get(instrument)
        if watch is None:
            return kind in TRADING_KINDS
        return kind in watch.wanted_kinds and (watch.watched or kind in TRADING_KINDS)


def next_offsets(commits: Mapping[str, int]) -> dict[tuple[str, int], int]:
    """Return offsets by topic and partition, of positions by their keys."""
    found = {}
    for key, offset in commits.items():
        topic, _, partition = key.rpartition(":")
        found[topic, int(partition)] = offset
    return found
