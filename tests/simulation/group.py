"""The consumer group: who is in it, under which generation, and who has which partitions.

A change of members is two steps, as Kafka's is: every member that is heard of gives up what it has and joins again,
then a new generation begins. One that is not heard of is not waited for.
"""

import asyncio
from typing import NamedTuple

SESSION_S = 6.0
"""A member that was not heard of for so long has left the group."""
REBALANCE_S = 10.0
"""So long the others wait for a member that is heard of and does not join again."""


class Assigned(NamedTuple):
    """What a member has from the beginning of a generation on."""

    generation: int
    partitions: list[int]


class Group:
    """The coordinator of the group. Times are seconds."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self.generation = 0
        self.owners: dict[str, list[int]] = {}
        self._heard: dict[str, float] = {}
        self._joining: dict[str, asyncio.Future[Assigned]] = {}
        self._until: float | None = None
        """When the generation that is to come begins without those that have not joined."""

    def join(self, member: str, now: float) -> asyncio.Future[Assigned]:
        """Take a member in; what it gets is known when the generation begins."""
        self._heard[member] = now
        self.rebalance(now)
        joined = self._joining[member] = asyncio.get_running_loop().create_future()
        self.check(now)
        return joined

    def leave(self, member: str, now: float) -> None:
        """A member is gone."""
        self._heard.pop(member, None)
        self._joining.pop(member, None)
        self.owners.pop(member, None)
        self.rebalance(now)
        self.check(now)

    def rebalance(self, now: float) -> None:
        """All members are to join again."""
        if self._until is None:
            self._until = now + REBALANCE_S

    def beat(self, member: str, now: float) -> bool:
        """A heartbeat; whether all is as it was. If not, the member has to join again."""
        self.check(now)
        if member not in self._heard:
            return False
        self._heard[member] = now
        return self._until is None or member in self._joining

    def knows(self, member: str, generation: int) -> bool:
        """Whether the coordinator would answer a heartbeat under this generation."""
        return member in self._heard and generation == self.generation

    def check(self, now: float) -> None:
        """Drop who was not heard of; begin the next generation if all are there, or the time is up."""
        for member in [member for member, heard in self._heard.items() if now - heard > SESSION_S]:
            self.leave(member, now)
        if (
            self._until is not None
            and self._joining
            and (self._joining.keys() >= self._heard.keys() or now > self._until)
        ):
            self._begin(now)

    def _begin(self, now: float) -> None:
        self.generation += 1
        self._until = None
        members = sorted(self._joining)
        turn = self.generation % len(members)
        members = members[turn:] + members[:turn]
        self._heard = dict.fromkeys(members, now)
        self.owners = {name: list(range(i, self._partitions, len(members))) for i, name in enumerate(members)}
        joining, self._joining = self._joining, {}
        for member, joined in joining.items():
            if not joined.done():
                joined.set_result(Assigned(self.generation, self.owners[member]))
