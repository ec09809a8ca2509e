"""The guard without a broker: what it takes of messages, what it halts, and what it remembers."""

import time
from pathlib import Path
from typing import Any

import pytest

from infra.config import Config
from producers.publisher import DeliveryError
from schemas.records import Order, OrderStatus, Record, Settings, Trade
from streams.agents.trading import TRADING
from streams.delivery.changelog import Place
from streams.guard import judge, service
from streams.guard.judge import SECOND, Limits, Verdict
from streams.guard.service import Guard, limits_of
from streams.trading import leader
from tests.samples import INSTRUMENT, order, settings, trade, units
from tests.unit.streams.delivery.played import CODECS


class Message:
    def __init__(self, topic: str, value: bytes | None, key: bytes | None = INSTRUMENT.encode()) -> None:
        self._topic, self._value, self._key = topic, value, key

    def topic(self) -> str:
        return self._topic

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value


def written(topic: str, record: Record) -> Any:
    return Message(topic, CODECS[type(record)].encode(record))


@pytest.fixture
def guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guard:
    monkeypatch.setattr(service, "make_codec", lambda _, kind: CODECS[kind])
    return Guard(Config(data_dir=tmp_path, total_loss_limit="7.5", guard_stale_s=2.5))


def test_the_limits_are_those_of_the_configuration(guard: Guard) -> None:
    assert limits_of(guard._config) == Limits(int(2.5 * SECOND), 60 * SECOND, loss=units("7.5") * 10**8)


def test_it_takes_what_the_topics_have_and_leaves_what_is_none_to_others(guard: Guard) -> None:
    guard._take(
        [
            written("settings", settings()),
            Message("settings", b"no settings"),  # type: ignore[list-item]
            Message("trades", None, None),  # type: ignore[list-item]
            written("trades", trade("3", 1)),
            written("trades", trade("4", 2)),
            written("orders", order()),
            written("orders", order(status=OrderStatus.FILLED)),
            written("orders", order(cancel_requested=True)),
        ]
    )
    assert guard.watch.traded == [INSTRUMENT]
    assert guard.watch.prices == {INSTRUMENT: units("4")}
    assert len(guard.watch.placed) == 1
    assert {Settings.__name__, Trade.__name__, Order.__name__} == guard._codecs.keys()


def test_a_state_of_a_leader_that_had_lost_the_instrument_counts_for_nothing(guard: Guard) -> None:
    codec, state = TRADING.state_codec(), leader.new_state(INSTRUMENT, 0)

    def stored(realised: int, epoch: int) -> Any:
        state.account.realised = realised
        return Message("hedgehog-leaders-changelog", codec.encode({}, state, [], Place(epoch, 1)))

    guard._take([stored(5, 3), stored(9, 2), Message("hedgehog-leaders-changelog", None)])  # type: ignore[list-item]
    assert guard.watch.standings[INSTRUMENT].realised == 5


def test_what_cannot_be_halted_is_tried_again_and_told_once_it_is(
    guard: Guard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Any] = [DeliveryError("the broker is away"), {INSTRUMENT: settings()}, {}]
    asked = []

    def halt(_: Config, instruments: Any) -> Any:
        asked.append(instruments)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(service, "halt", halt)
    monkeypatch.setattr(judge, "verdicts", lambda *_: [Verdict("stale", frozenset({INSTRUMENT}), "no trade")])
    for _ in range(3):
        guard._judge(0)
    assert asked == [frozenset({INSTRUMENT})] * 3
    assert [record.levelname for record in caplog.records] == ["ERROR", "CRITICAL"]
    assert caplog.records[-1].getMessage() == f"HALTED {INSTRUMENT}: no trade"


def test_what_it_sleeps_through_is_nobodys_silence(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    at = [time.monotonic_ns()]
    monkeypatch.setattr(service.time, "monotonic_ns", lambda: at[0])
    first = guard._tick()
    at[0] += 500_000_000
    assert guard._tick() - first == SECOND // 2
    at[0] += 3_600 * 10**9
    assert guard._tick() - first == SECOND // 2 + service.STEP_MAX


def test_a_restart_knows_what_was_earned_before_the_day(guard: Guard) -> None:
    state = leader.new_state(INSTRUMENT, 0)
    judge.take_leader(guard.watch, INSTRUMENT, state)
    guard._begin_day()
    guard._keep()
    again = Guard(guard._config)
    state.account.realised = -3
    judge.take_leader(again.watch, INSTRUMENT, state)
    again._begin_day()
    assert judge.lost(again.watch, INSTRUMENT) == 3
    guard._file.write_bytes(b"torn")
    torn = Guard(guard._config)
    judge.take_leader(torn.watch, INSTRUMENT, state)
    torn._begin_day()
    assert judge.lost(torn.watch, INSTRUMENT) == 0
