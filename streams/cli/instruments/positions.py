"""`hedgehog positions`: what live trading holds and has earned, as the leaders add up their fills."""

from typing import Any

from schemas.times import iso
from schemas.units import SCALE, plain
from streams.cli.endpoints import with_settings
from streams.cli.instruments.leaders import leader_states
from streams.cli.instruments.options import Positions
from streams.cli.instruments.symbols import resolve
from streams.cli.output import Output
from streams.topics.newest import newest_trades
from streams.trading.account import Lot, held
from streams.trading.leader import LeaderState

COLUMNS = ("instrument", "position", "cost", "last_price", "value", "unrealised_profit", "realised_profit", "left")
DIGITS = 2 * SCALE
"""The decimals of money: price by quantity."""


def positions(asked: Positions, out: Output) -> None:
    """Show a row for each leader that was asked for, or that has had a fill."""
    config = with_settings()
    states = leader_states(config, out)
    if asked.symbols:
        shown = {key: states[key] for key in resolve(asked.symbols, states)}
    else:
        shown = {key: states[key] for key in sorted(states) if _has_traded(states[key])}
    wanted = [key for key, state in shown.items() if _held(state).quantity]
    newest = newest_trades(config, wanted) if wanted else {}
    rows = [_row(key, state, newest[key].price if key in newest else None) for key, state in shown.items()]
    out.rows(rows, COLUMNS, empty="nothing was bought yet; see hedgehog trading status")
    if any(row["left"] != "0" for row in rows) and not out.json:
        out.note("left: of traders that are no more, by a stop or an order that ended; nobody sells it")
    for row in rows:
        if row["since"] is not None:
            out.note(f"{row['instrument']}: counted since {row['since']}; earlier profits: hedgehog orders list")


def _held(state: LeaderState) -> Lot:
    return held(state.account)


def _has_traded(state: LeaderState) -> bool:
    return bool(state.account.realised or _held(state).quantity)


def _row(key: str, state: LeaderState, price: int | None) -> dict[str, Any]:
    """Return what is shown; a value and an unrealised profit only where something is held and a price is known."""
    account, lot = state.account, _held(state)
    value = 0 if not lot.quantity else None if price is None else price * lot.quantity
    return {
        "instrument": key,
        "status": state.status.value,
        "position": plain(lot.quantity),
        "cost": money(lot.cost),
        "last_price": None if price is None else plain(price),
        "value": None if value is None else money(value),
        "unrealised_profit": None if value is None else money(value - lot.cost),
        "realised_profit": money(account.realised),
        "left": plain(account.left.quantity),
        "left_cost": money(account.left.cost),
        "since": iso(account.since) if account.since else None,
    }


def money(amount: int) -> str:
    """Return an exact amount in 1e-16 as a plain decimal."""
    whole, fraction = divmod(abs(amount), 10**DIGITS)
    digits = f"{fraction:0{DIGITS}d}".rstrip("0")
    return f"{'-' if amount < 0 else ''}{whole}{'.' if digits else ''}{digits}"
