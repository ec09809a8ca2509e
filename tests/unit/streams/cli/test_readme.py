"""What the README tells people to type is there: commands with their options, targets of make, programs, variables."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from infra.config import Config
from streams.cli.main import app

ROOT = Path(__file__).parents[4]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = "\n".join(block for block in FENCED.findall(README) if "─" not in block).replace("\\\n", " ")
INLINE = [" ".join(text.split()) for text in re.findall(r"`([^`]+)`", FENCED.sub("", README))]
TYPED = [line.partition(" #")[0].strip() for line in BLOCKS.splitlines()] + INLINE
VARIABLES = re.compile(r"^(?:[A-Z_]+=\S+ )*")
COMMANDS = sorted({VARIABLES.sub("", text) for text in TYPED if VARIABLES.sub("", text).startswith("hedgehog ")})
PROGRAMS = sorted({text for text in TYPED if text.startswith("python -m ")})


def test_something_was_found() -> None:
    assert len(COMMANDS) > 40
    assert "hedgehog run --workers 2" in COMMANDS
    assert "python -m producers.local_exchange --seed 7 --rate 200" in PROGRAMS


@pytest.mark.parametrize("typed", COMMANDS)
def test_a_command_takes_what_is_typed(typed: str) -> None:
    words = shlex.split(typed)[1:]
    found: Any = typer.main.get_command(app)
    while isinstance(found, TyperGroup) and words and not words[0].startswith("-"):
        found = found.get_command(typer.Context(found), words.pop(0))
        assert found is not None
    if not isinstance(found, TyperGroup):
        found.make_context(typed, words)  # raises what the command would say of wrong words


@pytest.mark.parametrize("typed", PROGRAMS)
def test_a_program_knows_its_options(typed: str) -> None:
    program, *words = shlex.split(typed)[2:]
    done = subprocess.run(
        [sys.executable, "-m", program, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert all(word in done.stdout for word in words if word.startswith("--"))


def test_targets_of_make_and_variables_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    typed = {match for text in TYPED for match in re.findall(r"^make ([a-z-]+)", text)}
    assert "infra-up" in typed
    assert typed <= targets
    named = set(re.findall(r"HEDGEHOG_([A-Z]+(?:_[A-Z]+)*)\b", README))
    assert named <= {field.upper() for field in Config.model_fields}
