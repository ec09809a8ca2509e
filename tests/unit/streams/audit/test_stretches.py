"""Proofs from checkpoint to checkpoint find what a proof from the beginning finds, and begin where they can."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from schemas.journal_records import BOOK, LEADER, Applied, Checkpoint
from schemas.records import Fill, Order, Record
from streams.audit.chains import STATES
from streams.audit.explain import explain
from streams.audit.journal import Recorded, trades_of
from streams.audit.locate import Marked, stretches_of
from streams.audit.stretches import Retained, Subject, cut, provable, subjects, tasks
from streams.trading.book import Tape
from streams.trading.checkpoints import LAYOUTS, state_of
from streams.trading.leader import LeaderState
from streams.trading.matching import UNBOUNDED
from tests.unit.streams.audit.recordings import Topics, decisions_of, differences_of, proven, recorded_of, topics_of

SEED = 4
WIDTHS = (1, 100, UNBOUNDED)


@pytest.fixture(scope="module")
def topics() -> Topics:
    found = topics_of(SEED)
    for agent in (LEADER, BOOK):
        assert len(marks(found, agent)) > 5
    assert len(found.records["fills"]) > 20
    return found


def marks(topics: Topics, agent: str) -> list[Checkpoint]:
    found = [record for _, record in topics.records["checkpoints"] if isinstance(record, Checkpoint)]
    return [mark for mark in found if mark.agent == agent]


def subject_of(topics: Topics, agent: str) -> Subject:
    return next(subject for subject in subjects(recorded_of(topics)) if subject.agent == agent)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_stretch_is_proven_by_itself(topics: Topics, width: int) -> None:
    assert differences_of(topics, width) == []
    lengths = [len(cut(subject, None, width)) for subject in subjects(recorded_of(topics))]
    assert all(length == 1 for length in lengths) if width == UNBOUNDED else all(length > 2 for length in lengths)


@pytest.mark.parametrize("agent", [LEADER, BOOK])
def test_a_proof_may_begin_at_any_checkpoint(topics: Topics, agent: str) -> None:
    subject = subject_of(topics, agent)
    begins = provable(subject, Retained())
    assert begins == [None, *subject.ordered]
    for begin in begins:
        assert proven(subject, begin, topics.tape, UNBOUNDED) == []


def position(topics: Topics, topic: str, kind: type[Record], agent: str = "") -> int:
    """Where a record in the middle of a topic is."""
    found = [
        at
        for at, (_, record) in enumerate(topics.records[topic])
        if isinstance(record, kind) and getattr(record, "agent", "") == agent
    ]
    return found[len(found) // 2]


TAMPERED = [
    ("orders", Order, "", {"price": 1}, LEADER),
    ("orders", Order, "", {"executed_quantity": 7}, LEADER),
    ("fills", Fill, "", {"commission": 7}, BOOK),
    ("applied", Applied, LEADER, {"trades_offset": 0}, LEADER),
    ("applied", Applied, BOOK, {"trades_offset": 0}, BOOK),
]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("topic", "kind", "owner", "changes", "agent"), TAMPERED)
def test_what_was_tampered_with_is_found_whatever_the_stretches(
    topics: Topics, topic: str, kind: type[Record], owner: str, changes: dict[str, int], agent: str, width: int
) -> None:
    at = position(topics, topic, kind, owner)
    hurt = topics.records[topic][at][1]
    found = differences_of(topics.changed(topic, at, msgspec.structs.replace(hurt, **changes)), width)
    assert found
    assert agent in {difference.agent for difference in found}
    assert topic == "applied" or msgspec.structs.replace(hurt, epoch=0, **changes) in [d.recorded for d in found]


@pytest.mark.parametrize("agent", [LEADER, BOOK])
def test_no_entry_is_from_before_what_came_before_it(topics: Topics, agent: str) -> None:
    """Whether any trade in between matters or none."""
    seen = -1
    for at, (_, entry) in enumerate(topics.records["applied"]):
        if isinstance(entry, Applied) and entry.agent == agent:
            if 0 <= seen < entry.trades_offset:
                earlier = msgspec.structs.replace(entry, trades_offset=seen - 1)
                found = differences_of(topics.changed("applied", at, earlier))
                assert agent in {difference.agent for difference in found}
            seen = entry.trades_offset


@pytest.mark.parametrize("agent", [LEADER, BOOK])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_checkpoint_that_is_not_what_came_before_it_is_a_difference(topics: Topics, agent: str, width: int) -> None:
    at = position(topics, "checkpoints", Checkpoint, agent)
    mark = topics.records["checkpoints"][at][1]
    assert isinstance(mark, Checkpoint)
    state = msgspec.json.decode(mark.state, type=STATES[agent])
    if agent == LEADER:
        state.time += 1
    else:
        state.step += 1
    forged = msgspec.structs.replace(mark, state=msgspec.json.encode(state))
    found = differences_of(topics.changed("checkpoints", at, forged), width)
    assert (agent, mark.version, forged) in [(d.agent, d.version, d.recorded) for d in found]


def test_a_checkpoint_of_another_layout_is_passed_over(topics: Topics) -> None:
    found = topics
    for at, (_, mark) in enumerate(topics.records["checkpoints"]):
        if at % 2:
            found = found.changed("checkpoints", at, msgspec.structs.replace(mark, layout="older", state=b"{}"))
    assert differences_of(found) == []
    fewer = [len(subject.marks) for subject in subjects(recorded_of(found))]
    assert all(0 < some < len(s.marks) for some, s in zip(fewer, subjects(recorded_of(topics)), strict=True))


def test_layouts_follow_the_fields_of_the_states() -> None:
    assert len(set(LAYOUTS.values())) == 2


@pytest.mark.parametrize("share", [3, 2])
def test_after_retention_it_is_proven_from_the_first_checkpoint_that_can_be(topics: Topics, share: int) -> None:
    first = {topic: topics.end(topic) // share for topic in ("trades", "orders", "applied", "fills")}
    kept = topics.since(first)
    retained = Retained(**first)
    for subject in subjects(recorded_of(kept)):
        begins = provable(subject, retained)
        assert begins
        assert begins[0] is not None
        assert begins[0].trades_offset + 1 >= first["trades"]
        assert proven(subject, begins[0], kept.tape, 1) == []
    hurt = next(at for at, (_, each) in reversed(list(enumerate(kept.records["fills"]))) if isinstance(each, Fill))
    forged = msgspec.structs.replace(kept.records["fills"][hurt][1], commission=7)
    assert differences_of(kept.changed("fills", hurt, forged), 1, retained) != []


@pytest.mark.parametrize("topic", ["trades", "orders", "applied", "fills"])
def test_what_has_expired_of_one_topic_alone_is_begun_after(topics: Topics, topic: str) -> None:
    first = {topic: topics.end(topic) // 2}
    kept = topics.since(first)
    begun = []
    for subject in subjects(recorded_of(kept)):
        begins = provable(subject, Retained(**first))
        assert begins
        assert proven(subject, begins[0], kept.tape, 1) == []
        begun.append(begins[0])
    assert begun != [None, None]


def test_whatever_has_expired_of_the_orders_each_begin_proves(topics: Topics) -> None:
    """Snapshots that a book took without a journal entry are told by no entry that is missing."""
    for first in range(1, topics.end("orders") + 1):
        kept = topics.since({"orders": first})
        for subject in subjects(recorded_of(kept)):
            for begin in provable(subject, Retained(orders=first)):
                assert proven(subject, begin, kept.tape, UNBOUNDED) == [], (first, subject.agent)


def test_what_is_proven_is_not_read_again(topics: Topics) -> None:
    ends = {topic: topics.end(topic) for topic in ("trades", "orders", "applied", "fills")}
    ends["checkpoints"] = topics.end("checkpoints") * 2 // 3
    known = decisions_of(topics.upto(ends)).proven()
    again = decisions_of(topics, known)
    assert not again.is_stale()
    (recorded,) = again.recorded()
    for subject in subjects(recorded):
        mark = again.mark_of(subject)
        assert mark is not None
        assert mark.trades_offset > 0
        assert proven(subject, mark, topics.tape, 1) == []
    assert len(recorded.orders) < len(topics.records["orders"]) // 2
    assert recorded.book is not None
    assert len(recorded.book.fills) < len(topics.records["fills"])


def test_what_is_read_again_counts_though_a_later_worker_had_a_higher_epoch(topics: Topics) -> None:
    """A worker that was started again after the last checkpoint: nothing before it is superseded by that."""
    ends = {topic: topics.end(topic) for topic in ("trades", "orders", "applied", "fills")}
    kept = topics.upto({**ends, "checkpoints": topics.end("checkpoints") // 2})
    restarted = Topics({name: with_epochs(records) for name, records in kept.records.items()}, topics.tape)
    known = decisions_of(restarted).proven()
    again = decisions_of(restarted, known)
    (recorded,) = again.recorded()
    assert recorded.superseded == 0
    for subject in subjects(recorded):
        assert proven(subject, again.mark_of(subject), topics.tape, UNBOUNDED) == []
    stale = msgspec.structs.replace(kept.records["orders"][-1][1], price=1)
    (recorded,) = decisions_of(restarted.with_more("orders", stale), known).recorded()
    assert recorded.superseded == 1, "what comes after a higher epoch is"


def with_epochs(records: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """Records of two workers: the last tenth has a higher epoch."""
    first = len(records) * 9 // 10
    later = [(at, msgspec.structs.replace(each, epoch=each.epoch + 1)) for at, each in records[first:]]
    return [*records[:first], *later]


def test_what_comes_again_of_what_was_proven_is_held_against_all_of_it(topics: Topics) -> None:
    known = decisions_of(topics).proven()
    assert not decisions_of(topics, known).is_stale()
    early = topics.records["orders"][0][1]
    assert decisions_of(topics.with_more("orders", early), known).is_stale()
    forged = msgspec.structs.replace(early, price=1, epoch=99)
    assert differences_of(topics.with_more("orders", forged)) != []
    gone = Topics({**topics.records, "checkpoints": []}, topics.tape)
    assert decisions_of(gone, known).is_stale()


def test_tasks_read_no_more_than_their_chains_need(topics: Topics) -> None:
    chains = [chain for subject in subjects(recorded_of(topics)) for chain in cut(subject, None, 100)]
    end = topics.end("trades")
    found = tasks(chains, 100, retained=0, end=end)
    assert sorted(id(chain) for task in found for chain in task.chains) == sorted(map(id, chains))
    assert len(found) > 2
    for task in found:
        assert all(task.first <= chain.first for chain in task.chains)
        needed = [end if chain.last is None else min(chain.last + 1, end) for chain in task.chains]
        assert max(needed) <= task.end
        assert task.end - task.first < 350 or any(chain.last is None for chain in task.chains)


def stretch(topics: Topics, begin: Marked | None, end: Marked | None) -> Recorded:
    """What is recorded between two checkpoints."""
    recorded = recorded_of(topics)
    above = 0 if begin is None else begin.checkpoint.version
    upto = UNBOUNDED if end is None else end.checkpoint.version
    first = 0 if begin is None else begin.checkpoint.trades_offset + 1
    last = UNBOUNDED if end is None else end.checkpoint.trades_offset
    rows = (topics.tape.offsets >= first) & (topics.tape.offsets <= last)
    return replace(
        recorded,
        orders=[order for order in recorded.orders if above < order.version <= upto],
        journal=[entry for entry in recorded.journal if above < entry.version <= upto],
        trades=trades_of(Tape(*(column[rows] for column in topics.tape))),
        begin=None if begin is None else state_of(begin.checkpoint, LeaderState),
    )


def test_an_order_is_explained_by_the_stretches_that_have_to_do_with_it(topics: Topics) -> None:
    whole = recorded_of(topics)
    ordered = [Marked(0, mark) for mark in subject_of(topics, LEADER).ordered]
    ids = {order.client_order_id: order.trader for order in whole.orders}
    assert len(ids) > 10
    lengths = []
    for client_order_id, trader in ids.items():
        found = [stretch(topics, *each) for each in stretches_of(trader, ordered, fresh=True)]
        lengths.append(sum(len(each.trades.offsets) for each in found))
        near, far = explain(found, client_order_id), explain([whole], client_order_id)
        assert (near.start is None) == (far.start is None)
        assert near.differences == far.differences == ()
        assert [s.recorded for s in near.snapshots] == [s.recorded for s in far.snapshots]
        assert [(s.step.why, s.step.state) for s in near.snapshots] == [
            (s.step.why, s.step.state) for s in far.snapshots
        ]
        assert near.start is None or far.start is None or near.start.why == far.start.why
    assert sum(lengths) < len(topics.tape.offsets) * len(ids) // 2
