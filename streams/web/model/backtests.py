"""The view of backtests: what is running, and the form that starts one. What was saved is asked for, not followed."""

from typing import Any

import msgspec

from schemas.parameters import HELD, PARAMETERS
from schemas.records import TradingStatus
from streams.web.model.board import JOB, MARKETS, SETUPS, Board
from streams.web.model.panels import Panel, Parameters, Shown
from streams.web.model.pipeline import facts_of

OBJECTIVES = ("net", "cycles", "drawdown")
"""What a sweep may look for the most of, the usual one first."""


def backtests_view(_: Board, __: Parameters) -> list[Panel]:
    """Return the panels of the page of backtests."""
    return [Panel("job", (JOB,), job, pace_ms=200), Panel("form", (SETUPS, MARKETS), form, pace_ms=5_000)]


def job(board: Board, _: int) -> Shown:
    """Return what is running, or how the last one ended."""
    shown: dict[str, Any] = msgspec.to_builtins(facts_of(board).job)
    return shown


def form(board: Board, _: int) -> Shown:
    """Return what can be chosen: the instruments of which there are trades, those that trade first, and parameters."""
    trading = {key for key, each in board.settings.items() if each.status is not TradingStatus.OFF}
    fields = [
        {
            "option": parameter.option,
            "label": parameter.label,
            "help": parameter.help,
            "swept": parameter.field not in HELD,
        }
        for parameter in PARAMETERS
    ]
    keys = sorted(board.markets, key=lambda key: (key not in trading, key))
    return {"instruments": keys, "fields": fields, "objectives": list(OBJECTIVES)}
