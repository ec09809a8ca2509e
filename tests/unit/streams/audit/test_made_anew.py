"""A topic that a replay reads is made anew: the proof begins there, at a checkpoint, and finds what comes after."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.journal_records import BOOK, LEADER, Applied, Checkpoint
from schemas.records import Fill, Order, Record, Trade
from streams.agents.exchange import EXCHANGE
from streams.agents.trading import TRADING
from streams.audit.decisions import Decisions
from streams.audit.explain import NotReplayable, UnknownOrder, explain
from streams.audit.journal import Recorded, trades_of
from streams.audit.stretches import Retained, Subject, provable, subjects
from streams.trading.book import Tape
from streams.trading.checkpoints import REPLAYED
from streams.trading.matching import UNBOUNDED
from tests.samples import INSTRUMENT, instrument, settings, trade
from tests.unit.streams.agents.acting import NAMES, PARTITION, Acting
from tests.unit.streams.audit.recordings import TOPICS, proven
from tests.unit.streams.delivery.played import KEY

IDS = {name: f"id of {name}" for name in (*TOPICS, "trades", "instruments", "settings")}
CYCLE = ("100", "98", "101.5", "100", "98", "101.5")


class Life:
    """A leader and a book of one instrument, and the topics that they read and write."""

    def __init__(self) -> None:
        self.agents = {LEADER: Acting(TRADING, topic_ids=IDS), BOOK: Acting(EXCHANGE, topic_ids=IDS)}
        self.topics: defaultdict[str, list[Record]] = defaultdict(list)
        self._read: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._sent: defaultdict[str, int] = defaultdict(int)
        self._trades = 0

    async def begin(self) -> None:
        self.topics["instruments"], self.topics["settings"] = [instrument()], [settings()]
        await self.work_off()

    async def trade(self, *prices: str) -> None:
        for price in prices:
            self._trades += 1
            self.topics["trades"].append(trade(price, self._trades))
            await self.work_off()

    async def work_off(self) -> None:
        """Until nothing comes of anything any more."""
        while any([await self._step(name, acting) for name, acting in self.agents.items()]):
            pass

    async def _step(self, name: str, acting: Acting) -> bool:
        moved = False
        for topic in (topic.name for topic in acting.agent.inputs):
            at = self._read[name, topic]
            if new := self.topics[topic][at:]:
                self._read[name, topic] = at + len(new)
                await acting.take(at, *new)  # type: ignore[arg-type]
                moved = True
        for record in acting.sent()[self._sent[name] :]:
            self.topics[NAMES[type(record)]].append(record)
        self._sent[name] = len(acting.sent())
        return moved

    def make_anew(self, topic: str) -> None:
        self.topics[topic] = []
        for name, acting in self.agents.items():
            self._read[name, topic] = self._sent[name] = 0
            self.agents[name] = acting.restarted(**{topic: "another"})

    def recorded(self, **instead: list[Any]) -> Recorded:
        decisions = Decisions(PARTITION)
        for topic in TOPICS:
            records = instead.get(topic, self.topics[topic])
            decisions.begin(topic, 0, len(records))
            for at, record in enumerate(records):
                decisions.add(topic, at, record)
        (recorded,) = decisions.recorded()
        return replace(recorded, trades=trades_of(self.tape()))

    def tape(self) -> Tape:
        trades = [(at, each) for at, each in enumerate(self.topics["trades"]) if isinstance(each, Trade)]
        rows = [(at, each.price, each.quantity, each.trade_id, each.trade_time) for at, each in trades]
        return Tape(*np.array(rows, np.int64).reshape(-1, 5).T)

    def begins(self, **instead: list[Any]) -> dict[str, tuple[Subject, Checkpoint]]:
        """Each leader and book with the checkpoint that its proof begins with."""
        found = {}
        for subject in subjects(self.recorded(**instead)):
            begin = provable(subject, Retained())[0]
            assert begin is not None
            found[subject.agent] = (subject, begin)
        return found

    def differences(self, **instead: list[Any]) -> list[Any]:
        return [
            difference
            for subject, begin in self.begins(**instead).values()
            for difference in proven(subject, begin, self.tape(), UNBOUNDED)
        ]


async def lived(topic: str) -> Life:
    life = Life()
    await life.begin()
    await life.trade(*CYCLE)
    life.make_anew(topic)
    await life.trade(*CYCLE, *CYCLE)
    return life


@pytest.mark.parametrize("topic", REPLAYED)
async def test_what_came_after_is_proven_from_a_checkpoint_on(topic: str) -> None:
    life = await lived(topic)
    assert life.differences() == []
    for subject, begin in life.begins().values():
        if topic != "orders" or subject.agent == LEADER:
            assert (subject.anew, begin.made_anew) == ((begin.version, topic), topic)
        later = [made for version, made in subject.recorded.items() if version > begin.version]
        assert {LEADER: Order, BOOK: Fill}[subject.agent] in map(type, later)
        assert any(version <= begin.version for version in subject.recorded)


@pytest.mark.parametrize("topic", REPLAYED)
@pytest.mark.parametrize(("where", "kind"), [("orders", Order), ("fills", Fill), ("applied", Applied)])
async def test_what_was_tampered_with_after_it_is_found(topic: str, where: str, kind: type[Any]) -> None:
    life = await lived(topic)
    changes = {"trades_offset": 0} if kind is Applied else {"price": 1}
    hurt = list(life.topics[where])
    at = max(at for at, each in enumerate(hurt) if isinstance(each, kind))
    hurt[at] = msgspec.structs.replace(hurt[at], **changes)
    assert life.differences(**{where: hurt}) != []


async def test_a_leader_that_nothing_comes_for_any_more_says_so_too() -> None:
    life = Life()
    await life.begin()
    await life.trade(*CYCLE)
    life.make_anew("trades")
    other = "binance:ETHUSDT"
    life.topics["trades"] = [trade("7", 900, other)]
    await life.work_off()
    life.topics["trades"] = []
    assert {agent: begin.trades_offset for agent, (_, begin) in life.begins().items()} == {LEADER: -1, BOOK: -1}
    assert life.differences() == []


async def test_without_the_checkpoint_nothing_can_be_proven_until_the_next() -> None:
    life = await lived("trades")
    without = [each for each in life.topics["checkpoints"] if isinstance(each, Checkpoint) and not each.made_anew]
    for subject in subjects(life.recorded(checkpoints=without)):
        assert subject.anew is not None
        assert provable(subject, Retained()) == []


async def test_a_new_topic_of_checkpoints_has_one_at_once() -> None:
    life = await lived("checkpoints")
    assert {each.agent: each.made_anew for each in life.topics["checkpoints"] if isinstance(each, Checkpoint)} == {
        LEADER: "checkpoints",
        BOOK: "checkpoints",
    }
    assert [provable(subject, Retained())[0] for subject in subjects(life.recorded())] == [None, None]


async def test_orders_are_explained_from_there_on_and_those_of_before_are_named() -> None:
    life = await lived("trades")
    subject, begin = life.begins()[LEADER]
    state = life.agents[LEADER].agent.state_codec().decode(KEY, life.agents[LEADER].table.data[KEY]).state
    whole = life.recorded()
    after = replace(
        whole,
        orders=[order for order in whole.orders if order.version > begin.version],
        journal=[entry for entry in whole.journal if entry.version > begin.version],
        begin=msgspec.json.decode(begin.state, type=type(state)),
        anew="trades",
    )
    newest = max(after.orders, key=lambda order: order.version)
    assert explain([after], newest.client_order_id).differences == ()
    first = min((o for o in subject.recorded.values() if isinstance(o, Order)), key=lambda order: order.version)
    with pytest.raises(NotReplayable, match="topic trades was deleted and made anew: what was recorded before"):
        explain([after], first.client_order_id)
    with pytest.raises(UnknownOrder):
        explain([after], f"{INSTRUMENT}:999:B")
