"""One log of several programs: what is one event, from whom, and in which shape."""

import json

import pytest

from streams.cli.pipeline import log_lines
from streams.cli.pipeline.log_lines import Format, Log

PRODUCER_LINE = "2026-11-26 20:25:01,123 WARNING binance: the connection was lost"
FAUST_LINE = "[2026-11-26 20:25:02,004] [4711] [INFO] [^---Recovery]: Resuming flow..."


def logged(lines: list[tuple[str, str]], shape: Format = "json") -> list[str]:
    written: list[str] = []
    log = Log(written.append, shape)
    for program, line in lines:
        log.hear(program, line)
    log.flush()
    return written


def test_the_lines_of_our_programs_and_of_faust_are_events() -> None:
    first, second = map(json.loads, logged([("producer", PRODUCER_LINE), ("worker-1", FAUST_LINE)]))
    assert first == {
        "time": "2026-11-26T20:25:01.123",
        "program": "producer",
        "level": "WARNING",
        "message": "binance: the connection was lost",
    }
    assert second == {
        "time": "2026-11-26T20:25:02.004",
        "program": "worker-1",
        "level": "INFO",
        "message": "Resuming flow...",
    }


def test_text_has_the_program_beside_the_time() -> None:
    assert logged([("producer", PRODUCER_LINE)], "text") == [
        "2026-11-26 20:25:01.123 producer  WARNING binance: the connection was lost"
    ]


def test_a_traceback_belongs_to_its_event_though_others_write_meanwhile() -> None:
    written = logged(
        [
            ("worker-1", FAUST_LINE.replace("INFO", "ERROR")),
            ("worker-1", "Traceback (most recent call last):"),
            ("worker-2", FAUST_LINE),
            ("worker-1", "ValueError: no"),
            ("worker-1", FAUST_LINE),
        ]
    )
    events = [json.loads(line) for line in written]
    assert [(each["program"], each["level"]) for each in events] == [
        ("worker-1", "ERROR"),
        ("worker-2", "INFO"),
        ("worker-1", "INFO"),
    ]
    assert events[0]["message"] == "Resuming flow...\nTraceback (most recent call last):\nValueError: no"


def test_lines_without_a_time_are_an_event_too() -> None:
    (event,) = map(json.loads, logged([("notifier", "hedgehog: no broker listens"), ("notifier", "  try: up")]))
    assert (event["level"], event["message"]) == ("INFO", "hedgehog: no broker listens\n  try: up")
    assert event["time"].count("T") == 1


def test_an_event_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "LINES_MAX", 3)
    events = [json.loads(line) for line in logged([("x", f"line {number}") for number in range(7)])]
    assert [each["message"].count("line") for each in events] == [3, 3, 1]


def test_only_what_is_complete_is_written() -> None:
    written: list[str] = []
    log = Log(written.append, "json")
    log.hear("producer", PRODUCER_LINE)
    log.flush(older_s=60)
    assert written == []
    log.say("hedgehog", "INFO", "stopping")
    log.flush()
    assert [json.loads(line)["program"] for line in written] == ["hedgehog", "producer"]
