"""The commands that the page of backtests starts: `hedgehog backtest run` and `sweep`, as one would type them."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.config import Config
from schemas.parameters import PARAMETERS
from streams.cli.errors import BadValue
from streams.web.deeds import Command, Values

PROGRAM = str(Path(sys.executable).with_name("hedgehog"))
FOR_A_PROGRAM = ("--json", "--progress-json")
PARAMETER_OPTIONS = tuple(parameter.option for parameter in PARAMETERS)
OF_BOTH = ("--symbol", "--file", "--from", "--to", "--settings", "--tick", "--step", *PARAMETER_OPTIONS)
OF_A_SWEEP = ("--random", "--seed", "--top", "--objective", "--train-until")
LAST = ("--latency-ms", "--name")
OPTIONS = {
    "run": (*OF_BOTH, "--engine", *LAST),
    "sweep": (*OF_BOTH, *OF_A_SWEEP, *LAST),
}
"""What a page may say of each, in the order in which it is typed. What writes files or calls elsewhere is not there."""
FLAGS = ("--topic", "--limited-fills")


def backtest(_: Config, values: Values) -> Command:
    """Return the command for `{"kind": run or sweep, "options": {option: text, flag: true}}`; it saves what it gives.

    `BadValue` names an option that cannot be given here. What its value may be is up to the command.
    """
    kind, options = values.get("kind"), values.get("options")
    if kind not in OPTIONS:
        raise BadValue(f"kind: {kind!r} is none of {', '.join(OPTIONS)}")
    if not isinstance(options, dict):
        raise BadValue(f"options: {options!r} is no object")
    words = ["backtest", str(kind), *_words(str(kind), options), "--save"]
    return Command([PROGRAM, *FOR_A_PROGRAM, *words], shlex.join(["hedgehog", *words]))


def _words(kind: str, options: dict[str, Any]) -> list[str]:
    for name, value in options.items():
        if name in FLAGS:
            if value is not True:
                raise BadValue(f"{name}: {value!r} is not true")
        elif name not in OPTIONS[kind]:
            raise BadValue(f"options: {name!r} is none of {', '.join((*OPTIONS[kind], *FLAGS))}")
        elif not isinstance(value, str) or not value.strip():
            raise BadValue(f"{name}: {value!r} is no text")
    words = [name for name in FLAGS if name in options]
    for name in OPTIONS[kind]:
        if name in options:
            text = options[name].strip()
            # a value that looks like an option is one all the same
            words += [f"{name}={text}"] if text.startswith("-") else [name, text]
    return words


COMMANDS: dict[str, Callable[[Config, Values], Command]] = {"backtest": backtest}
