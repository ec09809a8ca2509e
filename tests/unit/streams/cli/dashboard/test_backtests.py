"""The command that a page starts: what one would have typed, and nothing else than that."""

from typing import Any

import pytest

from infra.config import Config
from schemas.parameters import PARAMETERS
from streams.cli.dashboard.backtests import OPTIONS, PROGRAM, backtest
from streams.cli.dashboard.deeds import make_deeds
from streams.web.deeds import NotDone


def shown(kind: str, **options: Any) -> str:
    return backtest(Config(), {"kind": kind, "options": options}).shown


def test_a_command_is_what_one_would_type_and_saves() -> None:
    options = {"--symbol": "binance:XRPUSDT", "--chunks": " 5 ", "--topic": True, "--from": "2026-11-26T08:00"}
    made = backtest(Config(), {"kind": "run", "options": options})
    typed = "backtest run --topic --symbol binance:XRPUSDT --from 2026-11-26T08:00 --chunks 5 --save"
    assert made.shown == f"hedgehog {typed}"
    assert made.words == [PROGRAM, "--json", "--progress-json", *typed.split()]


def test_what_is_typed_is_one_word_and_no_option() -> None:
    hostile = "x'; rm -rf ~"
    made = backtest(Config(), {"kind": "run", "options": {"--symbol": hostile, "--file": "--orders=/tmp/x"}})
    assert made.words[-4:] == ["--symbol", hostile, "--file=--orders=/tmp/x", "--save"]
    assert made.shown.endswith("""--symbol 'x'"'"'; rm -rf ~' --file=--orders=/tmp/x --save""")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "compare", "options": {}}, "kind: 'compare' is none of run, sweep"),
        ({"kind": "run"}, "options: None is no object"),
        ({"kind": "run", "options": {"--orders": "/etc/x"}}, "options: '--orders' is none of --symbol,"),
        ({"kind": "sweep", "options": {"--report": "x"}}, "options: '--report' is none of"),
        ({"kind": "sweep", "options": {"--dask": "x:1"}}, "options: '--dask' is none of"),
        ({"kind": "run", "options": {"--top": "3"}}, "options: '--top' is none of"),
        ({"kind": "run", "options": {"--symbol": 5}}, "--symbol: 5 is no text"),
        ({"kind": "run", "options": {"--symbol": " "}}, "--symbol: ' ' is no text"),
        ({"kind": "run", "options": {"--topic": "yes"}}, "--topic: 'yes' is not true"),
    ],
)
def test_what_cannot_be_started_here_is_named(values: dict[str, Any], said: str) -> None:
    start = make_deeds(Config(), ()).commands["backtest"]
    with pytest.raises(NotDone) as refused:
        start(values)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_parameter_and_option_is_one_of_the_command(kind: str) -> None:
    from typer.testing import CliRunner  # noqa: PLC0415 -- only here

    from streams.cli.main import app  # noqa: PLC0415 -- only here

    told = CliRunner().invoke(app, ["backtest", kind, "--help"], env={"COLUMNS": "200"}).output
    assert {parameter.option for parameter in PARAMETERS} <= set(OPTIONS[kind])
    assert [option for option in OPTIONS[kind] if option not in told] == []
