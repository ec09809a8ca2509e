"""What must hold, whatever went wrong: while a run goes on, and at its end."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from faust.types import TP

from schemas.journal_records import BOOK, LEADER, Applied, Checkpoint
from schemas.records import DeadLetter, Fill, Order, OrderStatus, Trade
from streams.agents.agent import Agent
from streams.agents.exchange import EXCHANGE
from streams.agents.trading import TRADING
from streams.audit.chains import Proof
from streams.audit.differences import Difference
from streams.audit.journal import Recorded, gathered
from streams.audit.stretches import Retained, cut, provable, subjects
from streams.delivery.changelog import place_of
from streams.delivery.messages import Message
from streams.delivery.states import StateCodec
from streams.trading.book import BookState, Tape
from streams.trading.leader import LeaderState
from streams.trading.matching import UNBOUNDED
from tests.simulation.broker import Broker, Record
from tests.simulation.world import CODECS, World

STATES: dict[str, StateCodec[Any]] = {
    agent.name: StateCodec(agent.table, agent.state, agent.layout, agent.upgrade) for agent in (TRADING, EXCHANGE)
}
UNSTORED = {"trades_offset", "outbox", "changed", "time"}
"""What of a leader need not be stored as new as it is refolded: a trade that changes nothing else is not."""
SNAPSHOTS = {"epoch", "version", "missing", "incarnation", "orders_offset"}
"""What a book knows by snapshots of orders that are in no journal, and may have expired."""
WIDTHS = (1, UNBOUNDED)
"""A stretch ends at every checkpoint, or at none."""
KINDS: dict[str, type[Any]] = {
    "trades": Trade,
    "orders": Order,
    "applied": Applied,
    "fills": Fill,
    "checkpoints": Checkpoint,
}
"""What is replayed, and from what."""
READERS: dict[str, Agent[Any]] = {
    "fills": TRADING,
    "settings": TRADING,
    "instruments": TRADING,
}
"""The topics whose every record changes the state of its instrument, and whose it is."""


class _Position(msgspec.Struct):
    offsets: dict[str, int]


class _Topics(msgspec.Struct):
    topics: dict[str, str] = {}


class _Outbox(msgspec.Struct):
    outbox: list[Message]


def committed(world: World, offsets: dict[TP, int]) -> None:
    """Nothing is committed that is not stored."""
    for tp, end in offsets.items():
        if tp.topic not in READERS:
            continue
        stored = world.broker.newest(READERS[tp.topic].changelog.name)
        last = {record.key: record.offset for record in _counted(tp, world.broker.logs[tp].history[:end])}
        for key, offset in last.items():
            position = -1
            if key in stored:
                position = msgspec.json.decode(stored[key], type=_Position).offsets.get(tp.topic, -1)
            if position < offset:
                world.finding(
                    f"{tp.topic} committed up to {end}, and {key.decode()} is stored up to {position}, not {offset}"
                )


def _counted(tp: TP, records: list[Record]) -> Iterator[Record]:
    """Records without the fills of an epoch that is over: they are dropped, which changes no state."""
    epochs: defaultdict[bytes, int] = defaultdict(int)
    for record in records:
        epoch = CODECS[Fill].decode(record.value).epoch if tp.topic == "fills" else 0
        if epoch >= epochs[record.key]:
            epochs[record.key] = epoch
            yield record


def at_the_end(world: World) -> Iterator[str]:
    """What is wrong once everything was worked off."""
    broker = world.broker
    yield from _stored_and_sent(world)
    yield from _contents(broker)
    yield from (f"dead letter: {CODECS[DeadLetter].decode(r.value).error}" for r in broker.history("dead-letters"))
    leaders, books = _last(broker, TRADING), _last(broker, EXCHANGE)
    lost = _lost(broker)
    for key in leaders:
        recorded, tape = _recorded(broker, key)
        if not _untold(world, key):
            yield from _proven(broker, recorded, tape, {LEADER: leaders[key], BOOK: books.get(key)})
        if not _shortened(broker, "applied", key):
            yield from _taken(recorded)
        yield from _open(key, leaders[key], books.get(key), lost | _waiting(world, key))
        if not (broker.incarnations["trades"] and _shortened(broker, "applied", key)):
            yield from _caused(recorded)  # else nobody can tell of which topic the offset of an order's cause is
        yield from _executed(broker, recorded, world.market.partial_fills)


def _last(broker: Broker, agent: Agent[Any]) -> dict[str, Any]:
    codec = STATES[agent.name]
    return {key.decode(): codec.decode(key, value).state for key, value in broker.newest(agent.changelog.name).items()}


def _stored_and_sent(world: World) -> Iterator[str]:
    """Every decision that is stored is sent after that, and none is sent that was not stored before.

    What a topic that was deleted would have brought again to be sent waits for the next record of the partition.
    """
    broker = world.broker
    stored: dict[tuple[str, bytes, bytes], list[int]] = defaultdict(list)
    void: set[tuple[str, bytes, bytes]] = set()
    for agent in (TRADING, EXCHANGE):
        history = broker.history(agent.changelog.name)
        for record in history:
            for message in msgspec.json.decode(record.value, type=_Outbox).outbox:
                stored[message.topic, message.key, message.value].append(record.number)
                if _is_void(record, history):
                    void.add((message.topic, message.key, message.value))
    sent: dict[tuple[str, bytes, bytes], list[int]] = defaultdict(list)
    for topic in ("orders", "applied", "fills", "checkpoints"):
        for record in broker.history(topic):
            sent[topic, record.key, record.value].append(record.number)
    for what, numbers in sent.items():
        if what not in stored:
            yield f"never stored, and sent: {_told(what)}"
        elif numbers[0] < stored[what][0]:
            yield f"sent before it was stored: {_told(what)}"
    for what in stored.keys() - sent.keys() - void:
        if not _untold(world, what[1].decode()):
            yield f"stored, and never sent: {_told(what)}"


def _is_void(late: Record, history: Iterable[Record]) -> bool:
    """Whether somebody of a higher epoch has begun from a state before this one."""
    place = place_of(late.value)
    others = (place_of(record.value) for record in history if record.key == late.key)
    return any(other.epoch > place.epoch and other.revision <= place.revision for other in others)


def _told(what: tuple[str, bytes, bytes]) -> str:
    topic, _, value = what
    if topic not in KINDS:
        return f"{topic} {value!r}"
    record = CODECS[KINDS[topic]].decode(value)
    if isinstance(record, Order):
        return f"order {record.client_order_id} version {record.version} {record.status}"
    if isinstance(record, Fill):
        return f"fill {record.fill_id}"
    if isinstance(record, Checkpoint):
        return f"checkpoint of {record.agent} {record.instrument} version {record.version}"
    taken = f"{record.input_topic} {record.input_offset}"
    return f"journal of {record.agent} {record.instrument} version {record.version}: {taken}"


def _contents(broker: Broker) -> Iterator[str]:
    """No id has two contents. (Those of a leader's versions are compared with the refold.)"""
    fills: defaultdict[str, set[bytes]] = defaultdict(set)
    for record in broker.history("fills"):
        fills[CODECS[Fill].decode(record.value).fill_id].add(record.value)
    yield from (f"fill {fill_id} has {len(values)} contents" for fill_id, values in fills.items() if len(values) > 1)


def _recorded(broker: Broker, key: str) -> tuple[Recorded, Tape]:
    found = {
        kind: [
            (record.offset, CODECS[kind].decode(record.value))
            for record in broker.retained(topic)
            if record.key == key.encode()
        ]
        for topic, kind in KINDS.items()
    }
    columns = ("price", "quantity", "trade_id", "trade_time")
    offsets = np.array([offset for offset, _ in found[Trade]], np.int64)
    numbers = (np.array([getattr(trade, name) for _, trade in found[Trade]], np.int64) for name in columns)
    tape = Tape(offsets, *numbers)
    return gathered(key, World.partition_of(key.encode()), tape, found), tape


def _lost(broker: Broker) -> set[str]:
    """The orders about which there was something unread in a topic that was deleted: nobody will ever know of it."""
    return {
        CODECS[KINDS[topic]].decode(record.value).client_order_id
        for topic, log, committed in broker.gone
        if topic in ("orders", "fills")
        for record in log.history[committed:]
    }


def _untold(world: World, key: str) -> bool:
    """Whether nobody has been told yet that a topic was made anew: nothing came into the partition since."""
    today = world.environment.topic_ids
    for agent in (TRADING, EXCHANGE):
        stored = world.broker.newest(agent.changelog.name).get(key.encode())
        topics = {} if stored is None else msgspec.json.decode(stored, type=_Topics).topics
        if any(today[topic] != topic_id for topic, topic_id in topics.items()):
            return True
    return False


def _waiting(world: World, key: str) -> set[str]:
    """The orders of which something is stored to be sent, and waits for the next record of the partition, see above."""
    waiting = set()
    for agent in (TRADING, EXCHANGE) if _untold(world, key) else ():
        stored = world.broker.newest(agent.changelog.name).get(key.encode())
        for message in () if stored is None else msgspec.json.decode(stored, type=_Outbox).outbox:
            if message.topic in ("orders", "fills"):
                kind = Order if message.topic == "orders" else Fill
                waiting.add(CODECS[kind].decode(message.value).client_order_id)
    return waiting


def _shortened(broker: Broker, topic: str, key: str) -> bool:
    """Whether some of what a topic had of an instrument's partition has expired, or went with an older topic."""
    tp = TP(topic, World.partition_of(key.encode()))
    return broker.logs[tp].first > 0 or broker.incarnations[topic] > 0


def _retained(broker: Broker, key: str) -> Retained:
    """The first offsets of an instrument's partition that are still there."""
    number = World.partition_of(key.encode())
    return Retained(*(broker.logs[TP(topic, number)].first for topic in ("trades", "orders", "applied", "fills")))


def _proven(
    broker: Broker, recorded: Recorded, tape: Tape, stored: Mapping[str, LeaderState | BookState | None]
) -> Iterator[str]:
    """What was recorded is replayed, from where that can begin, from each checkpoint, and to what is stored now.

    That is the beginning, unless something is gone of what is needed for it.
    """
    shortened = any(_shortened(broker, topic, recorded.instrument) for topic in KINDS)
    for subject in subjects(recorded):
        for difference in subject.differences:
            yield _differs(difference)
        begins = provable(subject, _retained(broker, recorded.instrument))
        if None not in begins and not shortened:
            yield f"{subject.agent} of {subject.instrument} can not be proven from its beginning"
        if not begins:
            continue
        for width in WIDTHS:
            for chain in cut(subject, begins[0], width, _retained(broker, recorded.instrument)):
                proof = Proof(chain)
                if len(tape.offsets):
                    proof.feed(tape, int(tape.offsets[-1]))
                yield from map(_differs, proof.finish())
        held = stored[subject.agent]
        unknown = UNSTORED | SNAPSHOTS if _shortened(broker, "orders", recorded.instrument) else UNSTORED
        for name in [name for name in type(proof.state).__struct_fields__ if held is not None and name not in unknown]:
            found, right = getattr(held, name), getattr(proof.state, name)
            if found != right:
                yield f"{subject.agent} of {subject.instrument}: {name} is stored {found}, replayed {right}"


def _differs(difference: Difference) -> str:
    what = f"{difference.agent} of {difference.instrument} version {difference.version}"
    return f"{what}: {difference.recorded} is recorded, {difference.refolded} would be right"


def _taken(recorded: Recorded) -> Iterator[str]:
    """Every fill is in the journal, once."""
    anew = _last_anew(recorded, "fills")
    entries = {entry.version: entry for entry in recorded.journal if entry.input_topic == "fills"}
    taken = Counter(entry.input_offset for version, entry in entries.items() if version > anew)
    for offset, fill in recorded.fills.items():
        if taken[offset] != 1:
            yield f"fill {fill.fill_id} at {offset} was taken {taken[offset]} times"


def _last_anew(recorded: Recorded, topic: str) -> int:
    """The version of the leader's last journal entry that a topic was made anew, 0 where it never was."""
    anew = [entry.version for entry in recorded.journal if entry.topic_id is not None and entry.input_topic == topic]
    return max(anew, default=0)


def _open(key: str, state: LeaderState, held: BookState | None, lost: set[str]) -> Iterator[str]:
    """The leader and the exchange agree on the open orders, but for those of which something was lost."""
    ours = {order.client_order_id for order in [*state.orders.values(), *state.closing.values()]} - lost
    theirs = {order.client_order_id for order in held.orders} - lost if held else set()
    if ours - theirs:
        yield f"{key}: open for the leader, unknown to the exchange: {sorted(ours - theirs)}"
    if theirs - ours:
        yield f"{key}: open at the exchange, unknown to the leader: {sorted(theirs - ours)}"


def _reports(recorded: Recorded) -> list[Fill]:
    """The fills that are due to trades, each once."""
    return list({fill.fill_id: fill for fill in recorded.fills.values() if fill.trade_id is not None}.values())


def _caused(recorded: Recorded) -> Iterator[str]:
    """No order is filled by a trade from before its own cause."""
    offset_of = dict(zip(recorded.trades.ids.tolist(), recorded.trades.offsets.tolist(), strict=True))
    anew = _last_anew(recorded, "trades")
    new = [order for order in recorded.orders if order.status is OrderStatus.NEW and not order.cancel_requested]
    placed = {order.client_order_id: order.trades_offset for order in new if order.version > anew}
    for fill in _reports(recorded):
        assert fill.trade_id is not None
        at, since = offset_of.get(fill.trade_id), placed.get(fill.client_order_id, -1)
        if at is not None and at < since:
            yield f"fill {fill.fill_id} is due to the trade at {at}, and its order to inputs after {since}"


def _executed(broker: Broker, recorded: Recorded, partial_fills: bool) -> Iterator[str]:
    """No order executes more than its quantity; with partial fills, no trade executes more than was traded."""
    by_order: Counter[str] = Counter()
    by_trade: Counter[int] = Counter()
    for fill in _reports(recorded):
        by_order[fill.client_order_id] += fill.quantity
        by_trade[fill.trade_id or 0] += fill.quantity
        if by_order[fill.client_order_id] > fill.order_quantity:
            yield f"{fill.client_order_id} executed {by_order[fill.client_order_id]} of {fill.order_quantity}"
    if not partial_fills:
        return
    for record in broker.history("trades"):
        trade = CODECS[Trade].decode(record.value)
        if trade.instrument == recorded.instrument and by_trade[trade.trade_id] > trade.quantity:
            yield f"trade {trade.trade_id} executed {by_trade[trade.trade_id]}, and {trade.quantity} was traded"
