"""How commands are declared: groups of options, work that is imported when it is called, `--json` at both places."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import getclosurevars, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner, Result

from schemas.parameters import BY_FIELD, HELD, SWEPT
from streams.cli.command import ParameterOptions, Typed, command, load, noun
from streams.cli.errors import USAGE
from streams.cli.main import app
from streams.cli.output import Output

HEAVY = {"aiokafka", "confluent_kafka", "faust", "numba", "numpy", "pyarrow", "sqlalchemy", "httpx"}


@dataclass(frozen=True)
class Group:
    """Options that two commands share."""

    names: Annotated[list[str] | None, typer.Option("--name")] = None
    loud: Annotated[bool, typer.Option("--loud")] = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Say what was asked.

    And more.
    """

    number: Annotated[int, typer.Argument(metavar="NUMBER", max=9)]
    group: Group
    word: Annotated[str, typer.Option("--word")] = "none"


@dataclass(frozen=True, kw_only=True)
class Priced:
    """Say what was asked of the parameters of the strategy."""

    name: Annotated[str, typer.Argument(metavar="NAME")]
    held: Annotated[Typed, ParameterOptions(HELD, "NUMBER")]
    axes: Annotated[Typed, ParameterOptions(SWEPT, "VALUES", lambda parameter: f"Several of {parameter.field}.")]


def answer(asked: Asked, out: Output) -> None:
    out.record({"asked": repr(asked)})


shop = typer.Typer()
command(shop, "ask", Asked, f"{__name__}:answer")
command(shop, "price", Priced, f"{__name__}:answer")
command(shop, "tell", Asked, f"{__name__}:answer", data=False)
command(shop, "lost", Asked, "streams.cli.nowhere:answer")
root = typer.Typer(add_completion=False)
root.add_typer(typer.Typer(), cls=noun(f"{__name__}:shop"), name="shop", help="Questions.", no_args_is_help=True)


@root.callback()
def options(context: typer.Context) -> None:
    """A program of one noun."""
    context.obj = Output()


def run(line: str) -> Result:
    return CliRunner().invoke(root, line.split())


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("7", Asked(number=7, group=Group())),
        ("7 --name a --name b --word x", Asked(number=7, group=Group(["a", "b"]), word="x")),
        ("--loud 0", Asked(number=0, group=Group(loud=True))),
    ],
)
def test_the_options_come_as_one_value_with_its_groups(line: str, asked: Asked) -> None:
    assert json.loads(run(f"shop ask {line} --json").stdout) == {"asked": repr(asked)}
    assert run(f"shop tell {line}").stdout == f"asked  {asked!r}\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("shop ask", "NUMBER"),
        ("shop ask 10", "NUMBER"),
        ("shop ask 7 --world x", "--world"),
        ("shop tell 7 --json", "--json"),
        ("shop sak", "Did you mean 'ask'?"),
        ("shop", "Questions."),
    ],
)
def test_wrong_usage_is_named(line: str, words: str) -> None:
    result = run(line)
    assert result.exit_code == USAGE
    assert words in result.stderr + result.stdout


def test_help_is_the_docstring_and_does_not_import_the_work() -> None:
    result = run("shop lost --help")
    assert result.exit_code == 0
    for words in ("Say what was asked.", "And more.", "--name", "--loud", "--word", "--json", "[default: none]"):
        assert words in result.stdout
    assert isinstance(run("shop lost 7").exception, ModuleNotFoundError)


@pytest.mark.parametrize(
    ("line", "held", "axes"),
    [
        ("x", {}, {}),
        ("x --buy-down 0.1,0.2 --fee 0", {"fee": "0"}, {"buy_down_interval": "0.1,0.2"}),
        ("--chunks 1:9:2 x", {}, {"chunks": "1:9:2"}),
    ],
)
def test_parameters_of_the_strategy_come_by_field(line: str, held: dict[str, str], axes: dict[str, str]) -> None:
    asked = Priced(name="x", held={**dict.fromkeys(HELD), **held}, axes={**dict.fromkeys(SWEPT), **axes})
    assert json.loads(run(f"shop price {line} --json").stdout) == {"asked": repr(asked)}


def test_each_parameter_is_an_option_with_its_help() -> None:
    text = " ".join(CliRunner().invoke(root, ["shop", "price", "--help"], env={"COLUMNS": "200"}).stdout.split())
    for field in HELD:
        assert f"{BY_FIELD[field].option} NUMBER {BY_FIELD[field].help}" in text
    for field in SWEPT:
        assert f"{BY_FIELD[field].option} VALUES Several of {field}." in text


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command of the program that is no noun."""
    context = typer.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, TyperGroup):
            yield from leaves(found, (*path, name))
        else:
            yield " ".join((*path, name)), found


def declared() -> list[str]:
    """Every command that is declared by a dataclass, its work imported when it is called."""
    return [line for line, found in leaves(get_command(app)) if "work" in closure(found)]


def closure(found: Any) -> dict[str, Any]:
    return dict(getclosurevars(found.callback.__wrapped__).nonlocals)


@pytest.mark.parametrize("line", declared())
def test_the_work_of_every_command_takes_its_options(line: str) -> None:
    named = closure(dict(leaves(get_command(app)))[line])
    work = load(named["work"])
    hints = get_type_hints(work)
    assert list(signature(work).parameters) == ["asked", "out"]
    assert (hints["asked"], hints["out"], hints["return"]) == (named["options"], Output, type(None))


def test_no_help_waits_for_a_library() -> None:
    lines = [line for line, _ in leaves(get_command(app))]
    assert len(lines) > 25
    code = f"""
import sys
from typer.testing import CliRunner
from streams.cli.main import app
for line in {lines!r}:
    assert CliRunner().invoke(app, [*line.split(), "--help"]).exit_code == 0, line
    heavy = {HEAVY!r} & set(sys.modules)
    assert not heavy, (line, heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_noun_is_imported_when_it_is_asked_for() -> None:
    names = sorted(str(path.parent.name) for path in Path(load.__code__.co_filename).parent.glob("*/commands.py"))
    code = f"""
import sys
from typer.testing import CliRunner
from streams.cli.main import app
CliRunner().invoke(app, ["--help"])
print([name for name in {names!r} if f"streams.cli.{{name}}.commands" in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
    assert len(names) > 4
