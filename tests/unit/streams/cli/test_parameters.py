"""Options made from the table of parameters: each is in the help, and each is given by its field."""

import json

import pytest
import typer
from typer.testing import CliRunner

from schemas.parameters import BY_FIELD, HELD, SWEPT
from streams.cli.parameters import with_parameters

app = typer.Typer()


@app.command()
@with_parameters(SWEPT, "VALUES", "Several of them.")
@with_parameters(HELD, "NUMBER")
def show(name: str, **typed: str | None) -> None:
    """Show what was typed."""
    print(json.dumps({"name": name, **typed}))


def test_every_parameter_is_an_option_with_its_help() -> None:
    text = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout.split())
    for field in HELD:
        assert BY_FIELD[field].help in text
        assert f"{BY_FIELD[field].option} NUMBER" in text
    for field in SWEPT:
        assert f"{BY_FIELD[field].option} VALUES Several of them." in text
        assert BY_FIELD[field].help not in text
    assert "--typed" not in text


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("x", {}),
        ("x --buy-down 0.1 --fee 0", {"buy_down_interval": "0.1", "fee": "0"}),
        ("--chunks 1,2 x", {"chunks": "1,2"}),
    ],
)
def test_what_was_typed_is_there_by_field(line: str, given: dict[str, str]) -> None:
    result = CliRunner().invoke(app, line.split())
    assert json.loads(result.stdout) == {"name": "x", **dict.fromkeys(BY_FIELD, None), **given}
