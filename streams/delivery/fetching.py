"""The Kafka client of a worker: where it runs, and when it fetches."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, NamedTuple

from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from mode.utils.futures import maybe_async

from streams.topics import lean

FETCH_WAIT_MS = 50
"""How long the broker may hold back a fetch for which it has nothing."""
FEW_RECORDS = 500
"""A fetch of so many is little; more are fetched ahead while the worker handles them."""
HELD_MAX_S = 0.05
"""How long it fetches nothing unasked, and how long after something is resumed it looks at it, at most."""
FETCH_EVERY_S = 0.006
"""How often it fetches while there is little to fetch: a fetch costs about 2 ms, however little it brings."""


Commit = Callable[[Mapping[Any, Any]], Awaitable[Any]]


class OnLoop:
    """In the place of a thread: runs a service on the loop of the worker."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to serve; the service itself says when it is ready."""
        self._serving = asyncio.create_task(self._service._serve())

    def stop(self) -> None:
        """Nothing to join: `stop` of the service has waited for its end."""


class ClientOnLoop(AIOKafkaConsumerThread):
    """Faust's thread of the Kafka client, without the thread, and with fetches that hold no partition back for long.

    Two threads that are both Python take turns. Each fetch passed from one to the other and back several times, and
    waited for its turn each time. Faust gives the client a thread so that agents which block do not cost it its
    partitions; ours are done with a batch within milliseconds.

    The client has one fetch at a time under way to a broker, without the partitions whose last records nobody has
    taken yet. What arrives in those has to wait until that fetch ends: for 1.5 s with Faust's settings, when
    nothing comes in the others.
    """

    Worker = OnLoop  # type: ignore[assignment]

    def __init__(self, consumer: Any, *, loop: Any, **kwargs: Any) -> None:
        super().__init__(consumer, loop=loop, thread_loop=loop, **kwargs)

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call it here and now; Faust passes functions and coroutine functions alike."""
        return await maybe_async(fun(*args, **kwargs))

    async def _gather_remaining_tasks(self) -> None:
        """Nothing: what remains on this loop is the rest of the worker."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer: Any = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        app: Any = self.app
        consumer._group_id = app.group  # Faust's is the application's id, which the names of the tables begin with
        consumer.commit = noting_topics(consumer.commit, app.topic_ids)
        return consumer

    async def on_start(self) -> None:
        """Start the client, and hold its fetches in hand."""
        lean.install()
        await super().on_start()
        client = self._ensure_consumer()
        self._fetching = Fetching(client._fetcher, lambda: self.consumer._paused_partitions)
        app: Any = self.app
        app.membership.follow(client._coordinator)

    async def seek_to_committed(self) -> Mapping[Any, Any]:
        """Seek where the partitions are committed, and to the beginning of those that never were.

        The client leaves these where they are. What was read of one and dropped, since the partitions were given up,
        would never come again: a worker that stood still at its first start lost the first settings.
        """
        committed: Mapping[Any, Any] = await super().seek_to_committed()
        changelogs = self.app.tables.changelog_topics
        never = [tp for tp, offset in committed.items() if not offset and tp.topic not in changelogs]
        if never:
            await self.seek_to_beginning(*never)
        return committed

    async def _fetch_records(self, *asked: Any, **limits: Any) -> Any:
        """What has come; while it is little, nothing more is fetched before somebody asks again."""
        await self._fetching.resume()
        got: Any = await super()._fetch_records(*asked, **limits)
        if got and sum(map(len, got.values())) <= FEW_RECORDS:
            self._fetching.hold()
        return got


def noting_topics(commit: Commit, topic_ids: Mapping[str, str]) -> Commit:
    """Return `commit`, which commits with each offset the id of the topic that it was counted in.

    The broker keeps offsets by the name of the topic; one that was deleted and made anew has the same.
    """

    async def noting(offsets: Mapping[Any, Any]) -> Any:
        return await commit(
            {tp: OffsetAndMetadata(at.offset, topic_ids.get(tp.topic, "")) for tp, at in offsets.items()}
        )

    return noting


class _Wanted(NamedTuple):
    """Of the client's assignment the partitions that are looked at when it decides what to fetch."""

    tps: list[Any]
    state_value: Callable[[Any], Any]


class Fetching:
    """The client's fetching ahead, which can be held back, and is not done of what Faust has paused.

    The client fetches right after it handed records out. With little to fetch, the broker answers with the one record
    that comes first, and what comes while the worker is busy has to wait until that one is taken and fetched after.

    Faust does not tell the client what it has paused, such as every changelog once it is read. Of these the client
    fetched what the worker itself wrote, nobody took it, and for that it asked the broker for nothing for 0.1 s.
    """

    def __init__(self, fetcher: Any, paused: Callable[[], Collection[Any]]) -> None:
        self.fetcher = fetcher
        self._paused = paused
        self._until = self._last = 0.0
        self._actions = fetcher._get_actions_per_node
        fetcher._get_actions_per_node = self._actions_now

    def hold(self) -> None:
        """Fetch nothing until `resume`, or for `HELD_MAX_S`: a seek needs the client while nobody asks for records."""
        self._until = time.monotonic() + HELD_MAX_S

    async def resume(self) -> None:
        """Fetch again, not sooner than `FETCH_EVERY_S` after it was last resumed."""
        if self._until:
            await asyncio.sleep(self._last + FETCH_EVERY_S - time.monotonic())
            self._until = 0.0
            self.fetcher._notify(self.fetcher._wait_consume_future)
        self._last = time.monotonic()

    def _actions_now(self, assignment: Any) -> Any:
        """As the client's: fetches, resets of positions, seconds to wait, need of metadata, what it has paused itself.

        Nobody tells it when something is resumed: it looks again before long.
        """
        left = self._until - time.monotonic()
        if left > 0:
            return [], {}, left, False, []
        fetches, resets, wait_s, *rest = self._actions(self._wanted(assignment))
        return fetches, resets, min(wait_s, HELD_MAX_S), *rest

    def _wanted(self, assignment: Any) -> _Wanted:
        """What is not paused, and what nobody knows yet from where on to read: a seek waits for that."""
        paused, state = self._paused(), assignment.state_value
        return _Wanted([tp for tp in assignment.tps if tp not in paused or not state(tp).has_valid_position], state)
