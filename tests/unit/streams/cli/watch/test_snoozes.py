"""Snoozes as they are typed: of what, until when, and what is refused."""

import time
from typing import Any

import pytest

from infra.config import Config
from schemas.records import Setup
from schemas.watches import Snooze
from streams.cli.errors import BadValue
from streams.cli.output import Output
from streams.cli.watch import snoozes
from streams.cli.watch.options import SnoozeWatch
from tests import samples

NOW = 1_795_694_671_000_000
HOUR = 3_600_000_000
XRP = "binance:XRPUSDT"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Snooze]:
    found: list[Snooze] = []
    setup = Setup(samples.instrument(XRP), samples.settings(XRP))
    monkeypatch.setattr(snoozes, "read", lambda _: {XRP: setup})
    monkeypatch.setattr(snoozes, "write", lambda _, records: found.extend(records))
    monkeypatch.setattr(snoozes, "with_settings", Config)
    monkeypatch.setattr(time, "time_ns", lambda: NOW * 1_000)
    return found


@pytest.mark.parametrize(
    ("duration", "symbols", "expected"),
    [
        ("1h", [], ("*:*", NOW + HOUR)),
        ("90s", ["xrpusdt"], (XRP, NOW + 90_000_000)),
        ("OFF", [], ("*:*", NOW)),
        ("off", ["xrpusdt"], (XRP, NOW)),
    ],
)
def test_what_is_typed_is_written(
    duration: str, symbols: list[str], expected: tuple[str, int], written: list[Snooze]
) -> None:
    assert snoozes.snoozed(Config(), duration, symbols) == written
    (made,) = written
    made.check()
    assert (made.instrument, made.until) == expected


@pytest.mark.parametrize(
    ("duration", "symbols", "said"),
    [
        ("soon", [], "DURATION: 'soon' is not a duration such as 90s, 15m, 2h or 1d"),
        ("31d", [], "DURATION: 31d is longer than 30d"),
        ("1h", ["xrpusd"], "unknown symbol 'xrpusd'; did you mean XRPUSDT?"),
    ],
)
def test_what_is_refused_writes_nothing(duration: str, symbols: list[str], said: str, written: list[Snooze]) -> None:
    with pytest.raises(BadValue) as refused:
        snoozes.snoozed(Config(), duration, symbols)
    assert str(refused.value) == said
    assert written == []


def test_it_shows_until_when(written: list[Snooze], capsys: Any) -> None:
    snoozes.snooze(SnoozeWatch(duration="1h"), Output())
    snoozes.snooze(SnoozeWatch(duration="off", symbols=["xrpusdt"]), Output())
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].split() == ["everything", "2026-11-26T13:04:31.000000Z"]
    assert shown[3].split() == [XRP, "-"]
    assert len(written) == 2
