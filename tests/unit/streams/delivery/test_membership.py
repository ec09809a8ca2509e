"""A worker knows that it is a member for one session after the moment in which it asked."""

import asyncio
from typing import Any

import pytest
from aiokafka.protocol.group import SyncGroupRequest

from streams.delivery.membership import Membership, NotMember, assure
from tests.unit.streams.delivery.played import App

SESSION_S = 6.0


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Coordinator:
    """aiokafka's, whose answers take a while and may say that this worker is no member any more."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.generation = 1
        self.answer, self.takes_s, self.becomes = True, 0.0, 1

    async def _do_heartbeat(self) -> bool:
        self.clock.now += self.takes_s
        self.generation = self.becomes
        return self.answer

    async def _send_req(self, request: object) -> None:
        self.clock.now += self.takes_s

    async def _on_join_complete(self, generation: int, member_id: str, protocol: str, assignment: bytes) -> str:
        self.clock.now += self.takes_s
        return f"{generation} {member_id} {protocol} {assignment.decode()}"


@pytest.mark.parametrize(
    ("passed", "generation", "known"),
    [(0.0, 1, True), (SESSION_S, 1, True), (SESSION_S + 0.1, 1, False), (0.0, 2, False), (0.0, None, False)],
)
def test_known_for_one_session_and_one_generation(passed: float, generation: int | None, known: bool) -> None:
    clock = Clock()
    membership = Membership(SESSION_S, clock)
    assert not membership.is_known(generation)
    membership.confirmed(1, clock.now)
    clock.now += passed
    assert membership.is_known(generation) == known


@pytest.mark.parametrize(
    ("answer", "takes_s", "becomes", "known"),
    [
        (True, 0.0, 1, True),
        (True, 11.0, 1, False),  # it was frozen while it waited: when the coordinator answered nobody knows
        (False, 0.0, 1, False),
        (False, 0.0, -1, False),
    ],
    ids=["answered", "the answer is old", "no answer", "no member any more"],
)
async def test_a_heartbeat_counts_from_when_it_was_asked(
    answer: bool, takes_s: float, becomes: int, known: bool
) -> None:
    clock = Clock()
    membership, coordinator = Membership(SESSION_S, clock), Coordinator(clock)
    membership.follow(coordinator)
    membership.confirmed(1, clock.now)
    clock.now += SESSION_S + 1
    coordinator.answer, coordinator.takes_s, coordinator.becomes = answer, takes_s, becomes
    assert await coordinator._do_heartbeat() == answer
    assert membership.is_known(1) == known


async def test_who_was_told_to_be_no_member_is_none_at_once() -> None:
    clock = Clock()
    membership, coordinator = Membership(SESSION_S, clock), Coordinator(clock)
    membership.follow(coordinator)
    membership.confirmed(1, clock.now)
    coordinator.answer, coordinator.becomes = False, -1
    await coordinator._do_heartbeat()
    assert not membership.is_known(1)


@pytest.mark.parametrize(("takes_s", "known"), [(0.0, True), (SESSION_S, True), (11.0, False)])
async def test_who_joins_is_a_member_from_when_it_asked(takes_s: float, known: bool) -> None:
    """One that is frozen before it hears the answer may have lost its partitions again when it does."""
    clock = Clock()
    membership, coordinator = Membership(SESSION_S, clock), Coordinator(clock)
    membership.follow(coordinator)
    clock.now += 100
    coordinator.takes_s = takes_s
    await coordinator._send_req(SyncGroupRequest("group", 2, "me", None, []))
    coordinator.takes_s = 0.0
    assert await coordinator._on_join_complete(2, "me", "range", b"p") == "2 me range p"
    assert membership.is_known(2) == known


async def test_other_requests_say_nothing_of_joining() -> None:
    clock = Clock()
    membership, coordinator = Membership(SESSION_S, clock), Coordinator(clock)
    membership.follow(coordinator)
    clock.now += SESSION_S + 1
    await coordinator._send_req("a commit")
    await coordinator._on_join_complete(2, "me", "range", b"p")
    assert not membership.is_known(2)


async def test_it_is_waited_until_a_heartbeat_is_answered() -> None:
    app: Any = App()
    await assure(app, 1)
    app.time = SESSION_S + 1
    waiting = asyncio.create_task(assure(app, 1))
    await asyncio.sleep(0)
    assert not waiting.done()
    app.membership.confirmed(1, app.time)
    await asyncio.wait_for(waiting, 5)


@pytest.mark.parametrize("how", ["given up", "another generation"])
async def test_it_is_waited_no_longer_than_the_partitions_are_ours(how: str) -> None:
    app: Any = App()
    app.time = SESSION_S + 1
    waiting = asyncio.create_task(assure(app, 1))
    await asyncio.sleep(0)
    if how == "given up":
        app.flow_control.active = False
    else:
        app.joined(2)
    with pytest.raises(NotMember):
        await asyncio.wait_for(waiting, 5)
