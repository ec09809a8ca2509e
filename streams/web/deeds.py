"""What the dashboard has done by others: everything that writes, and what takes a moment to find out.

The command line fills this in with its own functions, so that a button and a typed command are the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Values = Mapping[str, Any]
"""What a page asks with: text, truth values, lists of text, and dicts of text."""


class NotDone(Exception):
    """What was asked for was not done; the message says why, `hint` what to do."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class Command(NamedTuple):
    """A command that takes long, to be run as a process of its own."""

    words: list[str]
    """The program and its arguments: one that tells how far it is as `streams.cli.progress.Told` does."""
    shown: str
    """What one would type to have the same done."""


@dataclass(frozen=True)
class Deeds:
    """What can be done and asked, by name. Each may block, raises `NotDone`, and returns what is sent as JSON."""

    actions: Mapping[str, Callable[[Values], Any]]
    """Change something."""
    questions: Mapping[str, Callable[[Values], Any]]
    """Change nothing."""
    audit: list[str]
    """The command that audits what was recorded and prints what it found as JSON; none: it is not run."""
    commands: Mapping[str, Callable[[Values], Command]] = field(default_factory=dict)
    """What takes long, by the name of the action that starts it; one runs at a time. Each raises `NotDone`."""
