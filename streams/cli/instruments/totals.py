"""What all instruments together may do: their budgets and traders are shared out when settings are set.

Leaders decide each by itself, so nobody adds up what they do while they do it. But no leader takes more than its
budget, nor has more open orders than traders: what is shared out here is a bound of both. Of orders a minute and the
day's loss there is no such bound; `hedgehog guard` watches these.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from infra.config import Config
from producers.settings_topic import read_setups
from schemas.records import Settings, Setup, TradingStatus
from schemas.units import plain, to_units
from streams.cli.errors import BadValue
from streams.cli.instruments.changes import Change


def check_totals(config: Config, made: Iterable[Change]) -> None:
    """Raise `BadValue` where changes would share out more than there is of all instruments together."""
    if not (config.total_notional_limit or config.total_orders_limit):
        return
    known = read_setups(config)
    changed = {each.instrument.instrument: Setup(each.instrument, each.after) for each in made}
    reason = objection(known, changed, to_units(config.total_notional_limit or "0", ""), config.total_orders_limit)
    if reason is not None:
        raise BadValue(reason)


def objection(
    known: Mapping[str, Setup], changed: Mapping[str, Setup], notional_limit: int, orders_limit: int
) -> str | None:
    """Return what is shared out too much, where it gets more by these changes; a limit of 0 is none.

    Quote assets are counted each by itself, in units of 1e-8.
    """
    after = {**known, **changed}
    money, before = _shared_out(after.values()), _shared_out(known.values())
    for asset, total in money.items():
        if notional_limit and total > notional_limit and total > before[asset]:
            return (
                f"budget: all traded instruments together may take {plain(total)} {asset}, and the limit is "
                f"{plain(notional_limit)} (HEDGEHOG_TOTAL_NOTIONAL_LIMIT)"
            )
    orders = sum(_orders(setup.settings) for setup in after.values())
    if orders_limit and orders > max(orders_limit, sum(_orders(setup.settings) for setup in known.values())):
        return (
            f"chunks: all traded instruments together may have {orders} open orders, and the limit is {orders_limit} "
            "(HEDGEHOG_TOTAL_ORDERS_LIMIT)"
        )
    return None


def _shared_out(setups: Iterable[Setup]) -> dict[str, int]:
    """Return the most that traded instruments may take, by quote asset."""
    totals: dict[str, int] = defaultdict(int)
    for instrument, settings in setups:
        if settings.status is not TradingStatus.OFF:
            totals[instrument.quote_asset] += min(settings.budget, settings.notional_limit or settings.budget)
    return totals


def _orders(settings: Settings) -> int:
    if settings.status is TradingStatus.OFF:
        return 0
    return min(settings.chunks, settings.orders_limit or settings.chunks)
