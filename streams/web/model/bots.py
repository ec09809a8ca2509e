"""The view of the bots: every instrument that is traded, was traded or has a leader, and what can be done to it.

Nothing here does it: a control says what will happen in numbers, why it makes no sense where it makes none, and the
command of the shell that does the same.
"""

from typing import Any

from schemas.records import OrderStatus, Setup, TradingStatus
from schemas.units import ONE, plain
from streams.trading.strategy import COUNT
from streams.web.model.board import PARTS, TRADED, Board, Deals, pair_of
from streams.web.model.numbers import rounded
from streams.web.model.panels import Panel, Parameters, Shown
from streams.web.model.profits import DAY_US, curve, since

CURVE_POINTS = 40


def bots_view(_: Board, __: Parameters) -> list[Panel]:
    """Return the panels of the page of bots."""
    return [bots_panel()]


def bots_panel() -> Panel:
    """Return the table of all bots."""
    return Panel("bots", (TRADED, PARTS), bots, pace_ms=1_000, refresh_ms=5_000)


def bots(board: Board, now: int) -> Shown:
    """Return a row a bot, those that run first."""
    rows = [bot_row(board, key, now) for key in traded(board)]
    sums: dict[str, list[int]] = {}
    for key in traded(board):
        quote = pair_of(board, key)[2]
        entry = sums.setdefault(quote, [0, 0])
        deals = board.deals.get(key, Deals())
        entry[0] += since(deals.profits, midnight(now))
        entry[1] += deals.profits.profit
    totals = [
        {"quote": quote, "today": rounded(today, 2), "profit": rounded(whole, 2)}
        for quote, (today, whole) in sorted(sums.items())
    ]
    return {"bots": rows, "totals": totals, "halt": halt_control(board)}


def traded(board: Board) -> list[str]:
    """Return the instruments that have or had a bot, those that run first."""
    on = {key for key, settings in board.settings.items() if settings.status is not TradingStatus.OFF}
    running = {key for key, leader in board.leaders.items() if leader.status is not TradingStatus.OFF}
    found = on | running | board.deals.keys()
    return sorted(found, key=lambda key: (key not in running | on, key))


def bot_row(board: Board, instrument: str, now: int) -> dict[str, Any]:
    """Return what is shown of a bot."""
    exchange, base, quote = pair_of(board, instrument)
    deals = board.deals.get(instrument, Deals())
    leader = board.leaders.get(instrument)
    profits = deals.profits
    return {
        "key": instrument,
        "exchange": exchange,
        "base": base,
        "quote": quote,
        "state": state_of(board, instrument),
        "reason": refused_reason(deals) if leader is not None and leader.status is not TradingStatus.OFF else None,
        "traders": 0 if leader is None else leader.leader.head[COUNT],
        "orders": len(deals.open_orders),
        "cycles": profits.cycles,
        "unsold": plain(profits.unsold),
        "profit": rounded(profits.profit, 2),
        "today": rounded(since(profits, midnight(now)), 2),
        "unrealised": unrealised(board, instrument),
        "unknown": profits.unknown,
        "curve": curve_points(deals),
        "controls": controls(board, instrument),
    }


def state_of(board: Board, instrument: str) -> str:
    """Return `running`, `shutting down`, `stopping`, `starting` or `off`: what the leader does and was told."""
    leader = board.leaders.get(instrument)
    doing = TradingStatus.OFF if leader is None else leader.status
    settings = board.settings.get(instrument)
    told = TradingStatus.OFF if settings is None else settings.status
    if doing is TradingStatus.OFF:
        return "starting" if told is TradingStatus.ON else "off"
    if told is TradingStatus.OFF:
        return "stopping"
    return "shutting down" if TradingStatus.SHUTDOWN in (doing, told) else "running"


def refused_reason(deals: Deals) -> str | None:
    """Return which filter refused the newest order, if it was refused."""
    newest = max(deals.orders.values(), key=lambda order: order.created_time, default=None)
    return newest.reason if newest is not None and newest.status is OrderStatus.REJECTED else None


def unrealised(board: Board, instrument: str) -> str | None:
    """Return what the unsold would make at the last price, before fees; `None` where there is none."""
    deals, market = board.deals.get(instrument), board.markets.get(instrument)
    if deals is None or market is None or market.state.history.open is None or not deals.profits.unsold:
        return None
    return rounded(deals.profits.unsold * market.state.average.newest.price // ONE - deals.profits.cost, 2)


def curve_points(deals: Deals, points: int = CURVE_POINTS) -> list[str]:
    """Return the profit at the end of each of so many equal parts of its history, as decimals."""
    whole = curve(deals.profits)
    if not whole:
        return []
    first, last = whole[0][0], whole[-1][0]
    found, at = [], 0
    for part in range(1, points + 1):
        until = first + (last - first) * part // points
        while at + 1 < len(whole) and whole[at + 1][0] <= until:
            at += 1
        found.append(rounded(whole[at][1], 2))
    return ["0.00", *found]


def controls(board: Board, instrument: str) -> list[dict[str, Any]]:
    """Return what can be done to a bot: start, shut down, stop."""
    settings = board.settings.get(instrument)
    told = TradingStatus.OFF if settings is None else settings.status
    exchange, base, quote = pair_of(board, instrument)
    name = f"{base}/{quote} on {exchange}" if quote else instrument
    deals = board.deals.get(instrument, Deals())
    leader = board.leaders.get(instrument)
    traders = 0 if leader is None else leader.leader.head[COUNT]
    open_orders, unsold = len(deals.open_orders), f"{plain(deals.profits.unsold)} {base}"
    known = board.instruments.get(instrument)
    reasons = {
        "start": "trading is on already" if told is TradingStatus.ON else None,
        "shutdown": "it is shutting down already"
        if told is TradingStatus.SHUTDOWN
        else "trading is off"
        if told is TradingStatus.OFF
        else None,
        "stop": "trading is off" if told is TradingStatus.OFF and not traders else None,
    }
    if known is None:
        reasons["start"] = "the exchange has not said what this instrument is: hedgehog settings seed"
    budget = "" if settings is None else f"{plain(settings.budget)} {quote} in {settings.chunks} chunks"
    texts = {
        "start": ("Start", f"Start {name}?", f"It trades {budget or 'by the default settings'}."),
        "shutdown": (
            "Shut down",
            f"Shut down {name}?",
            f"{_many(traders, 'trader', 'finishes', 'finish')} and none starts; "
            f"{_many(open_orders, 'open order', 'stays', 'stay')}, "
            f"{unsold} are still to be sold.",
        ),
        "stop": (
            "Stop",
            f"Stop {name}?",
            f"{_ended(traders, open_orders)}, {unsold} stay unsold.",
        ),
    }
    return [
        {
            "action": action,
            "label": label,
            "question": question,
            "text": text,
            "confirm": {"start": "Start", "shutdown": "Shut down", "stop": "Stop and cancel"}[action],
            "command": f"hedgehog trading {action} {instrument}",
            "reason": reasons[action],
            "danger": action == "stop",
        }
        for action, (label, question, text) in texts.items()
    ]


def halt_control(board: Board) -> dict[str, Any]:
    """Return the control that stops everything."""
    on = [key for key in traded(board) if state_of(board, key) != "off"]
    traders = sum(board.leaders[key].leader.head[COUNT] for key in on if key in board.leaders)
    orders = sum(len(board.deals[key].open_orders) for key in on if key in board.deals)
    return {
        "action": "halt",
        "label": "Halt all",
        "question": f"Stop all {_many(len(on), 'bot')}?",
        "text": f"{_ended(traders, orders)}. What was bought stays bought.",
        "confirm": "Stop all",
        "command": "hedgehog trading halt --all",
        "reason": None if on else "nothing is traded",
        "danger": True,
    }


def setup_of(board: Board, instrument: str) -> Setup | None:
    """Return an instrument with its settings; `None` unless both are known."""
    known, settings = board.instruments.get(instrument), board.settings.get(instrument)
    return None if known is None or settings is None else Setup(known, settings)


def midnight(now: int) -> int:
    """Return the beginning of the day, in UTC."""
    return now // DAY_US * DAY_US


def _ended(traders: int, orders: int) -> str:
    return f"{_many(traders, 'trader', 'ends', 'end')}, {_many(orders, 'open order', 'is', 'are')} cancelled"


def _many(count: int, what: str, does: str = "", do: str = "") -> str:
    return f"{count:,} {what} {does}".rstrip() if count == 1 else f"{count:,} {what}s {do}".rstrip()
