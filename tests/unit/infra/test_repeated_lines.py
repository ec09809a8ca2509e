"""What a library repeats is told now and then, with a count; everything else as it comes."""

import logging

from infra.repeated_lines import AGAIN_S, KNOWN_MAX, RepeatedLines


class Log:
    """A filter by a clock of its own, and what came through it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[str] = []
        self._filter = RepeatedLines("aiokafka", lambda: self.now)

    def say(self, message: str, *values: object, name: str = "aiokafka.client") -> None:
        record = logging.LogRecord(name, logging.ERROR, "file", 1, message, values, None)
        if self._filter.filter(record):
            self.told.append(record.getMessage())


def test_a_line_is_told_once_in_a_while_with_how_many_were_left_out() -> None:
    log = Log()
    for _ in range(100):
        log.say("no connection to node %d", 2, name="aiokafka")
        log.say("no connection to node %d", 3)
    log.now = AGAIN_S
    log.say("no connection to node %d", 2)
    log.say("no connection to node %d", 2)
    assert log.told == [
        "no connection to node 2",
        "no connection to node 3",
        "no connection to node 2 (99 like it left out)",
    ]
    log.now = 5 * AGAIN_S
    log.say("no connection to node %d", 3)
    assert log.told[3:] == ["no connection to node 3 (99 like it left out)"]


def test_lines_of_others_are_told_each_time() -> None:
    log = Log()
    for name in ("streams.worker", "aiokafkaesque", "faust", "streams.worker"):
        log.say("again", name=name)
    assert log.told == ["again"] * 4


def test_what_is_remembered_is_bounded() -> None:
    log = Log()
    for number in range(3 * KNOWN_MAX):
        log.say("attempt %d", number)
    assert len(log.told) == 3 * KNOWN_MAX
    assert len(log._filter._told) <= KNOWN_MAX
