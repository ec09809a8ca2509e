"""Recovery lets nothing flow before the source partitions are where they were committed, and reads to the end."""

import gc
from typing import Any

import pytest
from faust.tables.recovery import Recovery

from streams.delivery.recovery import SeekFirstRecovery


class Consumer:
    """Remembers what was done to the flow."""

    def __init__(self, done: list[str]) -> None:
        self._done = done

    def stop_flow(self) -> None:
        self._done.append("stop flow")


class App:
    """The two names of the application that recovery asks."""

    consumer_generation_id = 7

    def __init__(self, done: list[str]) -> None:
        self.consumer = Consumer(done)


def recovery(done: list[str], monkeypatch: pytest.MonkeyPatch, *, unread: bool = False) -> Any:
    async def completed(self: Recovery, generation_id: int = 0) -> None:
        done.append(f"Faust completes {generation_id}")

    async def resume(self: Recovery, generation_id: int = 0) -> None:
        done.append(f"Faust resumes and seeks {generation_id}")

    monkeypatch.setattr(Recovery, "on_recovery_completed", completed)
    monkeypatch.setattr(Recovery, "_resume_streams", resume)
    monkeypatch.setattr(SeekFirstRecovery, "need_recovery", lambda _: unread)
    monkeypatch.setattr(SeekFirstRecovery, "active_remaining", lambda _: {"leaders-0": 3})
    made: Any = SeekFirstRecovery.__new__(SeekFirstRecovery)
    made.app = App(done)
    return made


async def test_nothing_flows_between_resume_and_seek(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    await recovery(done, monkeypatch)._resume_streams(7)
    assert done == ["stop flow", "Faust resumes and seeks 7"]


async def test_garbage_is_looked_for_everywhere_once_it_flows_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.freeze()
    await recovery([], monkeypatch)._resume_streams(7)
    assert not gc.get_freeze_count()


async def test_nothing_flows_while_recovery_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    await recovery(done, monkeypatch).on_recovery_completed(7)
    assert done == ["stop flow", "Faust completes 7"]


async def test_a_changelog_that_was_not_read_to_its_end_is_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    with pytest.raises(RuntimeError, match=r"changelogs not read to their ends: \{'leaders-0': 3\}"):
        await recovery(done, monkeypatch, unread=True).on_recovery_completed(7)
    assert done == ["stop flow"]


async def test_the_recovery_of_a_generation_that_is_over_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    await recovery(done, monkeypatch, unread=True).on_recovery_completed(6)
    assert done == ["stop flow", "Faust completes 6"]
