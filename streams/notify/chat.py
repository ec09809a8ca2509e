"""One destination: what it has to be told, what is next, and what follows from how a call ended. No clock, no I/O.

Times are microseconds, UTC. A destination gets one message at a time, `interval` apart, whatever it is: an alert, an
answer, a summary or an edit of its board. Nothing is taken off the queue before it was told or counted for a summary.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from streams.notify.notices import Notice
from streams.notify.sinks.outcome import Delivered, Dropped, Held, Message, Outcome, Uncertain, Unreachable

SECOND = 1_000_000
MINUTE = 60 * SECOND
FRESH = 10 * MINUTE
"""An alert that is older is not told by itself but in a summary."""
BEHIND_MAX = 20
"""So many alerts may wait; more become one summary."""
SUMMARY_EVERY = MINUTE
BOARD_EVERY = MINUTE
BACK_OFF_MAX = MINUTE
BACK_OFF_AWAY_MAX = 5 * MINUTE
REPLIES_MAX = 20
TOLD_MAX = 1_000
EVERYTHING = ""
"""Among what is snoozed, the key that stands for all instruments."""

Counts = dict[str, dict[str, int]]
"""How many alerts were not told one by one: by instrument, then kind."""


class Kept(msgspec.Struct):
    """What of a destination survives a restart."""

    positions: dict[str, int] = {}
    """By partition, the first offset whose notices were not all told or counted."""
    told: dict[str, None] = {}
    """Ids of the newest alerts that were told or counted, the newest last: a record that comes again has the same."""
    counted: Counts = {}
    """What is still to be told in a summary."""
    snoozed: dict[str, int] = {}
    """By instrument or `EVERYTHING`, until when nothing is told."""
    board: int | None = None
    """The message that shows the market."""


class Reply(msgspec.Struct, frozen=True):
    """An answer to a command."""

    message: Message


class Tell(msgspec.Struct, frozen=True):
    """One alert, in a message of its own."""

    notice: Notice


class Summary(msgspec.Struct, frozen=True):
    """Counts of alerts instead of them."""

    counts: Counts


class Board(msgspec.Struct, frozen=True):
    """How the market stands; `message_id` is the message to be edited, `None` for a new one."""

    message_id: int | None


Step = Reply | Tell | Summary | Board


@dataclass
class Chat:
    """One destination and its queue."""

    interval: int = SECOND
    has_board: bool = True
    kept: Kept = field(default_factory=Kept)
    queue: deque[Notice] = field(default_factory=deque)
    replies: deque[Message] = field(default_factory=deque)
    next_time: int = 0
    """No call before."""
    failures: int = 0
    """Calls in a row that did not end well."""
    summary_time: int = -SUMMARY_EVERY
    board_time: int = -BOARD_EVERY
    board_changed: bool = False
    snoozed_everywhere: Mapping[str, int] = field(default_factory=dict)
    """As `Kept.snoozed`, of all destinations."""
    under_way: Step | None = None
    dropped: int = 0
    """Messages that the destination does not take, whatever one does."""


def offer(chat: Chat, notice: Notice) -> None:
    """Put a notice into the queue, unless it was told before; a queue that grows too long becomes a summary."""
    kept = chat.kept
    if notice.place.offset < kept.positions.get(notice.place.key, 0) or notice.notice_id in kept.told:
        return
    if any(waiting.notice_id == notice.notice_id for waiting in chat.queue):
        return
    chat.queue.append(notice)
    if len(chat.queue) > BEHIND_MAX:
        first = chat.queue.popleft() if isinstance(chat.under_way, Tell) else None
        while chat.queue:
            _count(chat, chat.queue.popleft())
        if first is not None:
            chat.queue.append(first)


def answer(chat: Chat, message: Message) -> None:
    """Queue an answer to a command, unless too many wait."""
    if len(chat.replies) < REPLIES_MAX:
        chat.replies.append(message)


def snooze(chat: Chat, instrument: str, until: int) -> None:
    """Tell nothing of an instrument, or of `EVERYTHING`, before `until`."""
    chat.kept.snoozed[instrument] = until


def next_step(chat: Chat, now: int, is_quiet: bool = False) -> Step | None:
    """Return the call that is to be made now, `None` for none; call `settle` with its outcome before the next one."""
    assert chat.under_way is None, "one call at a time"
    _set_aside(chat, now, is_quiet)
    if now < chat.next_time:
        return None
    chat.under_way = _due(chat, now, is_quiet)
    return chat.under_way


def settle(chat: Chat, outcome: Outcome, now: int) -> None:
    """Take in how the call that was under way ended at `now`.

    What was not told for sure is told again: after an uncertain outcome perhaps a second time.
    """
    step, chat.under_way = chat.under_way, None
    assert step is not None, "no call is under way"
    chat.next_time = max(chat.next_time, now + chat.interval)
    if isinstance(step, Board):
        # told or not, the next minute has a newer one
        chat.board_time = now
        chat.board_changed |= not isinstance(outcome, Delivered)
    match outcome:
        case Delivered(message_id):
            chat.failures = 0
            _done(chat, step, now, message_id)
        case Dropped():
            chat.failures = 0
            chat.dropped += 1
            _done(chat, step, now, None)
        case Held(seconds):
            chat.next_time = max(chat.next_time, now + seconds * SECOND)
        case Uncertain():
            _back_off(chat, now, BACK_OFF_MAX)
        case Unreachable():
            _back_off(chat, now, BACK_OFF_AWAY_MAX)


def positions(chat: Chat, consumed: Mapping[str, int]) -> dict[str, int]:
    """Return by partition the first offset whose notices wait in the queue; where none does, what was consumed."""
    waiting: dict[str, int] = {}
    for notice in chat.queue:
        if notice.place.topic:
            waiting.setdefault(notice.place.key, notice.place.offset)
    return {**consumed, **waiting}


def is_snoozed(chat: Chat, instrument: str, now: int) -> bool:
    """Return whether nothing of an instrument is told now."""
    both = chat.kept.snoozed, chat.snoozed_everywhere
    return now < max(snoozed.get(key, 0) for snoozed in both for key in (EVERYTHING, instrument))


def _set_aside(chat: Chat, now: int, is_quiet: bool) -> None:
    """Count what is not told one by one: what is snoozed, too old, or comes in quiet hours."""
    chat.kept.snoozed = {key: until for key, until in chat.kept.snoozed.items() if now < until}
    while chat.queue:
        notice = chat.queue[0]
        if not (is_quiet or now - notice.time > FRESH or is_snoozed(chat, notice.instrument, now)):
            return
        _count(chat, chat.queue.popleft())


def _due(chat: Chat, now: int, is_quiet: bool) -> Step | None:
    if chat.replies:
        return Reply(chat.replies[0])
    if chat.has_board and chat.board_changed and now >= chat.board_time + BOARD_EVERY:
        chat.board_changed = False
        return Board(chat.kept.board)
    if not is_quiet and now >= chat.summary_time + SUMMARY_EVERY:
        counts = {
            instrument: dict(kinds)
            for instrument, kinds in chat.kept.counted.items()
            if not is_snoozed(chat, instrument, now)
        }
        if counts:
            return Summary(counts)
    return Tell(chat.queue[0]) if chat.queue else None


def _done(chat: Chat, step: Step, now: int, message_id: int | None) -> None:
    match step:
        case Reply():
            chat.replies.popleft()
        case Tell(notice):
            chat.queue.popleft()
            _remember(chat, notice)
        case Summary(counts):
            chat.summary_time = now
            _subtract(chat.kept.counted, counts)
        case Board(edited):
            chat.kept.board = message_id
            if message_id is None and edited is not None:
                chat.board_time = now - BOARD_EVERY  # it is gone: a new one takes its place at once


def _back_off(chat: Chat, now: int, most: int) -> None:
    chat.failures += 1
    chat.next_time = max(chat.next_time, now + min(most, SECOND << min(chat.failures - 1, 20)))


def _count(chat: Chat, notice: Notice) -> None:
    kinds = chat.kept.counted.setdefault(notice.instrument, {})
    kinds[notice.kind] = kinds.get(notice.kind, 0) + 1
    _remember(chat, notice)


def _remember(chat: Chat, notice: Notice) -> None:
    told = chat.kept.told
    told[notice.notice_id] = None
    while len(told) > TOLD_MAX:
        del told[next(iter(told))]


def _subtract(counted: Counts, told: Counts) -> None:
    for instrument, kinds in told.items():
        left = {kind: count - kinds.get(kind, 0) for kind, count in counted.pop(instrument).items()}
        if any(left.values()):
            counted[instrument] = {kind: count for kind, count in left.items() if count}


def merged(all_positions: Iterable[Mapping[str, int]], consumed: Mapping[str, int]) -> dict[str, int]:
    """Return by partition the lowest of these positions: what every destination was told of."""
    lowest = dict(consumed)
    for each in all_positions:
        for key, offset in each.items():
            lowest[key] = min(offset, lowest.get(key, offset))
    return lowest
