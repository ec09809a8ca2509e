"""One log of several programs: each event with the program that it is from, as a line of text or of JSON.

A program writes an event as a line with time and level; what follows without these, such as a traceback, belongs to it.
"""

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Format = Literal["text", "json"]
FORMATS: tuple[Format, ...] = ("text", "json")

COMPLETE_S = 0.3
"""What has not come by then does not belong to the event before."""
LINES_MAX = 500
"""Of one event; a program that never writes a time would fill the memory."""

HEAD = re.compile(
    r"\[?(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(?P<ms>\d{3})\]? +"
    r"(?:\[\d+\] \[)?(?P<level>[A-Z]+)\]? *(?P<message>.*)",
    re.DOTALL,
)
"""The lines of our own programs, and of Faust, which has brackets and the process id."""
MARK = re.compile(r"^\[\^-*\w+\]: ")
"""How deep in Faust's tree of services a line was written."""


@dataclass
class _Event:
    program: str
    moment: str
    level: str
    lines: list[str]
    heard: float = field(default_factory=time.monotonic)


class Log:
    """Takes the lines of programs, from several threads; writes each event once it is complete."""

    def __init__(self, write: Callable[[str], None], shape: Format) -> None:
        self._write, self._shape = write, shape
        self._open: dict[str, _Event] = {}
        self._lock = threading.Lock()

    def hear(self, program: str, line: str) -> None:
        """Take the next line of a program."""
        head = HEAD.fullmatch(line)
        with self._lock:
            before = self._open.get(program)
            if head is None and before is not None and len(before.lines) < LINES_MAX:
                before.lines.append(line)
                before.heard = time.monotonic()
                return
            if before is not None:
                self._end(before)
            if head is None:
                self._open[program] = _Event(program, _now(), "INFO", [line])
            else:
                moment = f"{head['time'].replace(' ', 'T')}.{head['ms']}"
                self._open[program] = _Event(program, moment, head["level"], [MARK.sub("", head["message"])])

    def say(self, program: str, level: str, message: str) -> None:
        """Write an event of one's own."""
        with self._lock:
            self._end(_Event(program, _now(), level, [message]))

    def flush(self, older_s: float = 0.0) -> None:
        """Write the events to which nothing has come for so many seconds."""
        now = time.monotonic()
        with self._lock:
            complete = [event for event in self._open.values() if now - event.heard >= older_s]
            for event in sorted(complete, key=lambda each: each.heard):
                self._end(event)
                del self._open[event.program]

    def _end(self, event: _Event) -> None:
        text = "\n".join(event.lines).rstrip()
        if self._shape == "json":
            fields = {"time": event.moment, "program": event.program, "level": event.level, "message": text}
            self._write(json.dumps(fields, ensure_ascii=False))
        else:
            self._write(f"{event.moment.replace('T', ' ')} {event.program:<9} {event.level:<7} {text}")


def _now() -> str:
    moment = time.time()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.localtime(moment))}.{int(moment * 1_000) % 1_000:03d}"
