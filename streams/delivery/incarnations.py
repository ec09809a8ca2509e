"""Which topics a state was made of. One that was deleted and made anew has the same name, other records and another id.

An offset says something about the topic only in which it was counted. So whoever keeps one keeps the topic's id with
it: the stored states, and the positions that the group commits.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Generic

import msgspec

from streams.delivery.states import S, StoredState

log = logging.getLogger(__name__)

TopicIds = Mapping[str, str]
"""The ids that the broker has given topics, by their full names."""

BeginAnew = Callable[[S, str, str], None]
"""Tells a state that one of the topics of its agent, named without prefix, is another one now, of this id."""


class _Noted(msgspec.Struct):
    topics: dict[str, str] = {}


_noted = msgspec.json.Decoder(_Noted).decode


class Incarnations(Generic[S]):
    """The topics of one agent as they are today; `names` are those without prefix, by full name.

    `ids` is filled before anything is loaded; where it has none of a topic, nothing is said about it.
    """

    def __init__(self, agent: str, names: Mapping[str, str], ids: TopicIds, begin_anew: BeginAnew[S]) -> None:
        self._agent = agent
        self._names = names
        self._ids = ids
        self._begin_anew = begin_anew
        self._told: set[str] = set()

    def today(self) -> dict[str, str]:
        """Return the ids of the topics, by their names without prefix."""
        return {topic: self._ids[full_name] for full_name, topic in self._names.items() if full_name in self._ids}

    def is_stale(self, stored: bytes) -> bool:
        """Return whether a topic was made anew since a value was stored."""
        noted = _noted(stored).topics
        return any(noted.get(topic, now) != now for topic, now in self.today().items())

    def renew(self, stored: StoredState[S]) -> None:
        """Let a state begin at the start of each topic that was made anew since it was stored.

        One that was stored before ids were noted takes those that there are.
        """
        anew = {t: now for t, now in self.today().items() if stored.topics.get(t, now) != now}
        for topic, topic_id in anew.items():
            if topic in stored.offsets:
                stored.offsets[topic] = -1
            self._begin_anew(stored.state, topic, topic_id)
        if not anew.keys() <= self._told:
            self._told |= anew.keys()
            what = ", ".join(f"{topic} (was {stored.topics[topic]}, is {now})" for topic, now in anew.items())
            log.warning("%s: topics made anew since states were stored, begun anew: %s", self._agent, what)


def unchanged(state: object, topic: str, topic_id: str) -> None:
    """For states that keep no offsets and nothing else of a topic but what its records said."""
