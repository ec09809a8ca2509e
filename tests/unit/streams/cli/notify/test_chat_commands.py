"""What is asked back before trading changes, and what is not asked because it cannot be."""

from typing import Any

import pytest

from infra.errors import StackError
from schemas.records import TradingStatus
from streams.cli.errors import BadValue
from streams.cli.notify.chat_commands import _question, told_to_person
from streams.notify.commands import CommandError
from tests.samples import INSTRUMENT, setup

ON, OFF, SHUTDOWN = TradingStatus.ON, TradingStatus.OFF, TradingStatus.SHUTDOWN


@pytest.mark.parametrize(
    ("before", "wanted", "question"),
    [
        ({"status": OFF}, ON, f"Trade {INSTRUMENT} with 300 USDT in 3 chunks?"),
        ({"status": ON}, OFF, f"Stop trading {INSTRUMENT} and cancel its open orders? What was bought stays bought."),
        ({"status": SHUTDOWN}, OFF, f"Stop trading {INSTRUMENT} and cancel"),
        ({"status": ON}, SHUTDOWN, f"Shut down trading of {INSTRUMENT}? Its traders finish, none starts."),
        ({"status": SHUTDOWN}, ON, f"Trade {INSTRUMENT}"),
    ],
)
def test_what_is_asked(before: dict[str, Any], wanted: TradingStatus, question: str) -> None:
    assert _question(setup(**before), wanted).startswith(question)


@pytest.mark.parametrize(
    ("before", "wanted", "reason"),
    [
        ({"status": ON}, ON, "trading is on already"),
        ({"status": OFF}, OFF, "trading is off already"),
        ({"status": OFF}, SHUTDOWN, "trading is off"),
        ({"status": OFF, "min_notional": "1000"}, ON, "MIN_NOTIONAL"),
    ],
)
def test_what_cannot_be_is_not_asked(before: dict[str, Any], wanted: TradingStatus, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        _question(setup(**before), wanted)


@pytest.mark.parametrize("error", [BadValue("unknown symbol 'x'"), StackError("no broker")])
def test_what_the_command_line_would_print_is_said_in_the_chat(error: Exception) -> None:
    with pytest.raises(CommandError, match=str(error)), told_to_person():
        raise error
