"""How a worker ends: nothing more flows, what was applied is stored, and only then is Faust stopped, come what may."""

import asyncio
from typing import Any

import faust
import pytest
from aiokafka.errors import KafkaTimeoutError
from faust.types import TP

from infra.config import Config
from infra.errors import StackError
from streams.delivery import application
from streams.delivery.application import Checks
from streams.delivery.batches import BatchConsumer
from streams.worker import app, make_app


class PlayedKeeper:
    """Says when it is drained, and whether the flow was suspended then."""

    def __init__(self, app: Any, told: list[str], error: BaseException | None) -> None:
        self.app, self.told, self.error = app, told, error

    async def drain(self) -> None:
        self.told.append("drained while it flows" if self.app.flow_control.is_active() else "drained")
        if self.error is not None:
            raise self.error


class Committing:
    """A consumer; the first call only waits for a commit that began before."""

    def __init__(self, told: list[str]) -> None:
        self.told, self.calls = told, 0

    async def commit(self) -> bool:
        self.calls += 1
        if self.calls == 2:
            self.told.append("committed")
        return self.calls == 2


@pytest.mark.parametrize("error", [None, TimeoutError(), KeyError("the broker is gone")])
async def test_what_was_applied_is_stored_before_faust_stops(
    error: BaseException | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    async def stop(_: faust.App) -> None:
        told.append("stopped")

    monkeypatch.setattr(faust.App, "stop", stop)
    app: Any = make_app(Config(topic_prefix="unit-application-"))
    app.flow_control.resume()
    app.keepers = [PlayedKeeper(app, told, error)]
    await app.stop()
    assert told == ["drained", "stopped"]


async def test_a_worker_stops_for_a_reason_that_comes_while_it_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked, ended = [], []

    def still() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise StackError("topics were changed")

    async def crash(error: BaseException) -> None:
        ended.append(str(error))

    monkeypatch.setattr(application, "CHECK_S", 0.001)
    app: Any = make_app(Config(topic_prefix="unit-application-"))
    app._checks = Checks(lambda: None, still)
    monkeypatch.setattr(app, "crash", crash)
    await app._check()
    assert ended == ["topics were changed"]
    assert [record.message for record in caplog.records] == ["the worker cannot go on: topics were changed"]


async def test_partitions_are_given_up_once_all_keepers_are_drained() -> None:
    told: list[str] = []
    app: Any = make_app(Config(topic_prefix="unit-application-"))
    app.keepers = [PlayedKeeper(app, told, None), PlayedKeeper(app, told, None)]
    app.flow_control.suspend()
    await app._consumer_wait_empty(Committing(told), None)
    assert told == ["drained", "drained", "committed"]
    app.keepers = [PlayedKeeper(app, told, KeyError("the broker is gone"))]
    with pytest.raises(KeyError):  # Faust stops the worker
        await app._consumer_wait_empty(Committing(told), None)
    assert told[3:] == ["drained"]


async def test_a_commit_that_is_not_acknowledged_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Hanging:
        async def commit(self) -> bool:
            return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(application, "DRAINED_WITHIN_S", 0.01)
    app: Any = make_app(Config(topic_prefix="unit-application-"))
    await app._consumer_wait_empty(Hanging(), None)
    assert [record.message for record in caplog.records] == [
        "what was stored last is not committed within 0.01 s; it is read again"
    ]


async def test_a_drain_that_failed_is_not_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(PlayedKeeper):
        async def drain(self) -> None:
            await super().drain()
            for _ in range(100):
                await asyncio.sleep(0)
            self.told.append("waited")

    async def stop(_: faust.App) -> None:
        told.append("stopped")

    monkeypatch.setattr(faust.App, "stop", stop)
    told: list[str] = []
    app: Any = make_app(Config(topic_prefix="unit-application-"))
    app.flow_control.suspend()
    app.keepers = [Hanging(app, told, TimeoutError())]
    with pytest.raises(TimeoutError):  # Faust stops the worker
        await app._consumer_wait_empty(None, None)
    app.keepers = [Hanging(app, told, None)]
    await app.stop()
    assert told == ["drained", "drained", "stopped"]


class Looking:
    """A keeper that owns a partition, and is told where it ends."""

    def __init__(self) -> None:
        self.told: list[dict[TP, int]] = []

    def owned(self) -> list[TP]:
        return [TP("changelog", 3)]

    async def keep_own(self, ends: dict[TP, int]) -> None:
        self.told.append(ends)


class Ends:
    """A consumer that tells where partitions end, or cannot."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        if self.error is not None:
            raise self.error
        return dict.fromkeys(tps, 7)


@pytest.mark.parametrize("error", [None, KafkaTimeoutError()])
async def test_the_ends_of_the_changelogs_are_looked_at_before_a_commit_or_it_is_put_off(
    error: Exception | None,
) -> None:
    app: Any = make_app(Config(topic_prefix="unit-application-"))
    consumer: Any = BatchConsumer.__new__(BatchConsumer)
    committed = []

    async def commit(offsets: dict[TP, int]) -> bool:
        committed.append(([keeper.told for keeper in app.keepers], offsets))
        return True

    consumer.app, consumer._commit, consumer._committed_offset = app, commit, {}
    app.consumer, app.keepers = Ends(error), [Looking(), Looking()]
    offsets = {TP("trades", 3): 9}
    assert await consumer._commit_offsets(offsets) == (error is None)
    ends = [{TP("changelog", 3): 7}]
    assert committed == ([] if error else [([ends, ends], offsets)])
    assert consumer._committed_offset == ({} if error else offsets)


async def test_without_states_nobody_asks_for_ends() -> None:
    app: Any = make_app(Config(topic_prefix="unit-application-"))
    app.consumer = Ends(KafkaTimeoutError())
    assert await app.keep_own()


class Begun:
    """A deadline that says whether it has begun."""

    def __init__(self) -> None:
        self.times = 0

    def begin(self) -> None:
        self.times += 1


async def test_the_time_of_a_stop_begins_before_anything_that_may_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stop(_: faust.App) -> None:
        told.append("stopped")

    monkeypatch.setattr(faust.App, "stop", stop)
    told: list[str] = []
    app: Any = make_app(Config(topic_prefix="unit-application-"))
    app.deadline = Begun()
    app.flow_control.resume()

    class Looks(PlayedKeeper):
        async def drain(self) -> None:
            self.told.append(f"drained, begun {app.deadline.times} times")

    app.keepers = [Looks(app, told, None)]
    await app.stop()
    assert told == ["drained, begun 1 times", "stopped"]


@pytest.mark.parametrize("of", ["the application", "its consumer"])
async def test_the_time_of_a_stop_begins_with_a_crash(of: str) -> None:
    app: Any = make_app(Config(topic_prefix="unit-application-"))
    app.deadline = Begun()
    await (app if of == "the application" else app.consumer).crash(KeyError("a fault"))
    assert app.deadline.times > 0
    assert app.should_stop


def test_only_a_worker_ends_its_process() -> None:
    assert make_app(Config(topic_prefix="unit-application-")).deadline is None
    assert app.deadline is not None
