"""A halt is told as done once the topic says so; who starts something meanwhile is halted, too, or named."""

from collections.abc import Callable, Iterable

import msgspec
import pytest

from infra.config import Config
from infra.errors import StackError
from producers import halting
from schemas.records import Settings, TradingStatus
from tests.samples import settings

ON, OFF, SHUTDOWN = TradingStatus.ON, TradingStatus.OFF, TradingStatus.SHUTDOWN
XRP, ETH, LTC = (f"binance:{symbol}USDT" for symbol in ("XRP", "ETH", "LTC"))


class Topic:
    """The topic of settings; `meanwhile` is called after each change."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[["Topic"], None] | None = None) -> None:
        self.held = {XRP: settings(XRP, status=ON), ETH: settings(ETH, status=OFF), LTC: settings(LTC, status=SHUTDOWN)}
        self.changes = 0
        self._meanwhile = meanwhile
        monkeypatch.setattr(halting, "read_all", lambda _: dict(self.held))
        monkeypatch.setattr(halting, "change", self._change)

    def _change(self, _: Config, changes: Iterable[tuple[Settings, Settings]]) -> None:
        self.changes += 1
        for before, after in changes:
            assert self.held[before.instrument] == before
            self.held[after.instrument] = after
        if self._meanwhile is not None:
            self._meanwhile(self)

    def start(self, key: str) -> None:
        self.held[key] = msgspec.structs.replace(self.held[key], status=ON, halted=False)

    def stands(self) -> dict[str, tuple[TradingStatus, bool]]:
        return {key: (each.status, each.halted) for key, each in self.held.items()}


def test_everything_that_is_traded_is_halted_and_told_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = Topic(monkeypatch)
    halted = halting.halt(Config())
    assert {key: before.status for key, before in halted.items()} == {XRP: ON, LTC: SHUTDOWN}
    assert topic.stands() == {XRP: (OFF, True), ETH: (OFF, False), LTC: (OFF, True)}
    assert topic.held[XRP].updated_time > 0
    assert halting.halt(Config()) == {}


def test_only_what_is_named_is_halted(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = Topic(monkeypatch)
    assert list(halting.halt(Config(), {LTC, ETH})) == [LTC]
    assert topic.stands()[XRP] == (ON, False)


def test_what_somebody_starts_meanwhile_is_halted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def start_once(topic: Topic) -> None:
        if topic.changes == 1:
            topic.start(ETH)

    topic = Topic(monkeypatch, start_once)
    assert sorted(halting.halt(Config())) == sorted([XRP, ETH, LTC])
    assert all(status is OFF for status, _ in topic.stands().values())


def test_a_halt_that_does_not_hold_is_not_told_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    Topic(monkeypatch, lambda topic: topic.start(ETH))
    with pytest.raises(StackError, match=f"not halted: somebody starts {ETH} again and again"):
        halting.halt(Config())
