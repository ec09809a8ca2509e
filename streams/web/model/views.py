"""The pages, by the names that addresses have."""

from streams.web.model.alerts import alerts_panel, alerts_view, count_since
from streams.web.model.backtests import backtests_view
from streams.web.model.board import EVENTS, PARTS, PIPELINE, TRADED, Board
from streams.web.model.bots import bots_panel, bots_view, halt_control
from streams.web.model.cards import market_view
from streams.web.model.instrument import instrument_view
from streams.web.model.panels import Panel, Parameters, Shown, View
from streams.web.model.pipeline import feeds, pipeline_view, strip

HOUR_US = 3_600_000_000


def _market(board: Board, parameters: Parameters) -> list[Panel]:
    return [*market_view(board, parameters), alerts_panel(), bots_panel()]


def _above(board: Board, now: int) -> Shown:
    """Return what stands above every page: the strip, how many alerts came in the last hour, and the halt."""
    recent = count_since(board, now - HOUR_US, now)
    return strip(board, now) | {"halt": halt_control(board), "alerts": recent, "feeds": feeds(board, now)}


ABOVE = Panel("strip", (PIPELINE, PARTS, TRADED, EVENTS), _above, pace_ms=500, refresh_ms=1_000)


VIEWS: dict[str, View] = {
    "market": _market,
    "instrument": instrument_view,
    "bots": bots_view,
    "pipeline": pipeline_view,
    "alerts": alerts_view,
    "backtests": backtests_view,
}
"""Whatever a page shows, the strip is above it."""


def panels_of(view: str, board: Board, parameters: Parameters) -> list[Panel]:
    """Return the panels of a page, each once; `KeyError` for one that there is not."""
    return [ABOVE, *VIEWS[view](board, parameters)]
