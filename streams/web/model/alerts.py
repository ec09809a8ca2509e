"""The list of alerts: of the market, of finished cycles, of refused orders."""

from typing import Any

from schemas.market_records import Alert
from schemas.records import Order
from schemas.watches import AlertKind
from streams.trading.filters import FILTERS
from streams.web.model.board import EVENTS, PARTS, SETUPS, Board, Event, pair_of, side_word
from streams.web.model.cards import price_places
from streams.web.model.numbers import fixed, percent, rounded
from streams.web.model.panels import Panel, Parameters, Shown
from streams.web.model.pipeline import facts_of
from streams.web.model.profits import Cycle

SHORT, LONG = 7, 200
DAY_US = 86_400_000_000


def alerts_panel(shown: int = SHORT) -> Panel:
    """Return the panel of the newest alerts."""
    name = "alerts" if shown == SHORT else "history"
    subjects = EVENTS, SETUPS, PARTS
    return Panel(name, subjects, lambda board, now: alerts(board, shown, now), pace_ms=200, refresh_ms=5_000)


def alerts_view(_: Board, __: Parameters) -> list[Panel]:
    """Return the panels of the page of alerts."""
    return [alerts_panel(LONG)]


def alerts(board: Board, count: int, now: int) -> Shown:
    """Return the newest alerts, the newest first; of what nobody is told at present, and what changes that."""
    newest = sorted(board.events.values(), key=lambda event: (event.time, event.event_id), reverse=True)
    snoozed = [{"key": key, "until": until // 1_000} for key, until in sorted(board.snoozes.items()) if now < until]
    return {
        "alerts": [_row(board, event) for event in newest[:count]],
        "total": len(newest),
        "snoozed": snoozed,
        "snooze": _snooze_control(board, is_on=is_snoozed(board, now)),
    }


def is_snoozed(board: Board, now: int) -> bool:
    """Return whether nobody is told of any alert at present."""
    return now < board.snoozes.get("", 0)


def _snooze_control(board: Board, is_on: bool) -> dict[str, Any]:
    """Return the control that snoozes all of it for an hour, or ends that; `for` is what it does it with."""
    lasts = "off" if is_on else "1h"
    nobody = " Nobody is told anyhow at present: hedgehog notify never ran." if facts_of(board).notifier[0] < 0 else ""
    text = (
        "Whatever comes from now on is told again; what came meanwhile is told in one line."
        if is_on
        else "No chat and no address is told for an hour. All of it stays in this list, and is told in one line later."
    )
    return {
        "action": "snooze",
        "label": "Wake" if is_on else "Snooze 1 h",
        "question": "Tell alerts again?" if is_on else "Tell nobody of alerts for an hour?",
        "text": text + nobody,
        "confirm": "Tell them again" if is_on else "Snooze for an hour",
        "command": f"hedgehog watch snooze {lasts}",
        "reason": None,
        "danger": False,
        "for": lasts,
    }


def count_since(board: Board, time: int, now: int) -> int:
    """Return how many alerts came at or after a time, none while all are snoozed; a finished cycle is no reason."""
    if is_snoozed(board, now):
        return 0
    return sum(event.time >= time and not isinstance(event.what, Cycle) for event in board.events.values())


def _row(board: Board, event: Event) -> dict[str, Any]:
    exchange, base, quote = pair_of(board, event.instrument)
    row = {
        "id": event.event_id,
        "time": event.time // 1_000,
        "key": event.instrument,
        "pair": f"{base}/{quote}" if quote else base,
        "exchange": exchange,
    }
    match event.what:
        case Alert():
            return row | _market(board, event.what)
        case Cycle():
            return row | _cycle(event.what, price_places(board, event.instrument), quote)
        case Order():
            return row | _ended(event.what, price_places(board, event.instrument), base)


def _market(board: Board, alert: Alert) -> dict[str, Any]:
    places = price_places(board, alert.instrument)
    price, reference = fixed(alert.price, places), rounded(alert.reference, max(places, 2))
    off = percent(abs(alert.value), 10**8)
    way = "up" if alert.direction == "up" else "down"
    match alert.kind:
        case AlertKind.OFF_AVERAGE:
            title = f"{off} % {'above' if way == 'up' else 'below'} its 5 min average"
            text = f"{price} against {reference}"
        case AlertKind.DAY_RANGE:
            title = f"New 24 h {'high' if way == 'up' else 'low'} {price}"
            text = f"before {reference}"
        case AlertKind.EXCHANGES_APART:
            title = (
                f"{off} % {'above' if way == 'up' else 'below'} {(alert.other or 'another exchange').partition(':')[0]}"
            )
            way, text = "apart", f"{price} against {reference}"
        case _:
            way, title, text = "warn", alert.kind, f"{price} against {reference}"
    return {"icon": way, "title": title, "text": text, "held_back": alert.held_back, "kind": alert.kind}


def _cycle(cycle: Cycle, places: int, quote: str) -> dict[str, Any]:
    profit = rounded(cycle.profit, 2)
    sign = "" if profit.startswith("-") else "+"
    return {
        "icon": "done",
        "title": f"Cycle finished, profit {sign}{profit} {quote}".strip(),
        "text": f"BUY {fixed(cycle.bought_at, places)}, SELL {fixed(cycle.sold_at, places)}, trader {cycle.trader}",
        "held_back": 0,
        "kind": AlertKind.CYCLE_FINISHED.value,
    }


def _ended(order: Order, places: int, base: str) -> dict[str, Any]:
    refused = order.reason in FILTERS
    what = f"{order.side} {fixed(order.quantity, 0)} {base} at {fixed(order.price, places)}, trader {order.trader}"
    return {
        "icon": "warn",
        "title": f"{order.side} refused by {order.reason}" if refused else f"{order.side} {order.status.lower()}",
        "text": what if refused or not order.reason else f"{what}: {order.reason}",
        "held_back": 0,
        "kind": (AlertKind.TRADER_REFUSED if refused else AlertKind.TRADER_HALTED).value,
        "side": side_word(order.side),
    }
