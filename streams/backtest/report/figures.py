"""Numbers as people read them: exact plain decimals, counts with commas, lengths of time in two units."""

from collections.abc import Iterable
from itertools import pairwise

from schemas.parameters import BY_FIELD, PARAMETERS
from schemas.records import Settings, Setup
from schemas.units import ONE, plain
from streams.backtest.performance import Result, plain_money

UNITS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("µs", 1))

NAMES = {
    "tick_size": "tick",
    "step_size": "step",
    **{parameter.field: parameter.label for parameter in PARAMETERS},
}
"""What a run is made with is called so, in the order it is shown."""


def figures_of(result: Result, settings: Settings) -> dict[str, str]:
    """Return the key figures of a result by their names; money in the quote asset."""
    return {
        "Return on budget": percent(result.net_profit // (settings.budget * ONE)),
        "Orders": f"{result.orders:,}",
        "Filled": f"{result.filled:,}",
        "Rejected": f"{result.rejected:,}",
        "Cycles": f"{result.cycles:,}",
        "Won, lost": f"{result.wins:,}, {result.losses:,}",
        "Win rate": "none finished" if result.win_rate is None else percent(result.win_rate),
        "Realised profit": plain_money(result.realised),
        "Unrealised profit": plain_money(result.unrealised),
        "Fees paid": plain_money(result.fees),
        "Largest drawdown": plain_money(result.max_drawdown),
        "Open position": plain(result.position),
        "Its value": plain_money(result.position_value),
        "Time in market": _share(result.time_in_market, result.span),
        "Largest exposure": f"{percent(result.largest_exposure)} of budget",
        "Average exposure": f"{percent(result.average_exposure)} of budget",
    }


def percent(fraction: int) -> str:
    """Return a fraction in units of 1e-8 as text in hundredths, rounded to two decimals."""
    return f"{plain((fraction + 5_000) // 10_000 * (ONE // 100))}\u00a0%"


def duration(micros: int) -> str:
    """Return a length of time (µs) as text, by its largest unit and the next."""
    for (name, size), (small, part) in pairwise(UNITS):
        if micros >= size:
            rest = micros % size // part
            return f"{micros // size} {name} {rest} {small}" if rest else f"{micros // size} {name}"
    return f"{micros} µs"


def value_of(setup: Setup, field: str) -> int:
    """Return the value of one of the `NAMES`, as it is stored."""
    value: int = getattr(setup.settings if field in BY_FIELD else setup.instrument, field)
    return value


def setting(field: str, value: int) -> str:
    """Return the value of one of the `NAMES` as a plain number."""
    return BY_FIELD[field].text(value) if field in BY_FIELD else plain(value)


def setting_texts(setup: Setup, fields: Iterable[str] = tuple(NAMES)) -> dict[str, str]:
    """Return some fields by what they are called, each as a plain number."""
    return {NAMES[field]: setting(field, value_of(setup, field)) for field in fields}


def _share(part: int, whole: int) -> str:
    return f"{duration(part)} ({percent(part * ONE // whole)})" if whole else duration(part)
