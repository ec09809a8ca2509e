"""Tells where ticks are so coarse that SELLs need not earn what `profit` says."""

from collections.abc import Iterable

from infra.config import Config
from schemas.records import Setup
from schemas.units import ONE, plain
from streams.cli.output import Output
from streams.trading.coarse import coarse

NAMED = 5
"""So many instruments are told of, of many."""


def tell_live(config: Config, setups: Iterable[Setup], out: Output) -> None:
    """Tell it of these instruments, by the newest price of each in the topic."""
    from streams.topics.newest import newest_trades  # noqa: PLC0415 -- Kafka takes its time, a backtest has none

    picked = list(setups)
    newest = newest_trades(config, [setup.key for setup in picked])
    tell(((setup, newest[setup.key].price) for setup in picked if setup.key in newest), out)


def tell(priced: Iterable[tuple[Setup, int]], out: Output) -> None:
    """Tell it of instruments with a market price in 1e-8."""
    told = [text for setup, price in priced if (text := coarse_text(setup, price)) is not None]
    for text in told[:NAMED]:
        out.warn(text)
    if len(told) > NAMED:
        out.warn(f"so it is for {len(told) - NAMED} more instruments")


def coarse_text(setup: Setup, price: int) -> str | None:
    """Return what is told of an instrument at a market price, nothing where its ticks are fine enough."""
    found = coarse(setup, price)
    if found is None:
        return None
    tick, profit = setup.instrument.tick_size, setup.settings.profit_interval
    earns = f"earns {_percent(found.earned)}" if found.earned >= 0 else f"loses {_percent(-found.earned)}"
    return (
        f"{setup.key}: one tick, {plain(tick)}, is {_percent(tick * ONE // found.bought)} of the price and more than "
        f"the profit of {_percent(profit)}; SELLs are cut down to ticks: bought at {plain(found.bought)}, sold at "
        f"{plain(found.sold)}, a cycle {earns} after fees"
    )


def _percent(fraction: int) -> str:
    """Return a fraction in 1e-8 as percent with at most three decimals."""
    return f"{plain(fraction * 100 // 100_000 * 100_000)} %"
