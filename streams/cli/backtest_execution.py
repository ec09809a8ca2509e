"""`--latency-ms`, `--limited-fills` and `--dask` of `hedgehog backtest`: how orders are executed, and where."""

from typing import Any

from schemas.units import plain, to_units
from streams.cli.errors import BadValue
from streams.cli.instruments.changes import PLAIN_DECIMAL
from streams.trading.execution import LATENCY_MAX_US, Execution

MICROSECOND = 100_000
"""In units of 1e-8 ms."""


def execution_of(latency_ms: str | None, limited: bool) -> Execution:
    """How orders are executed, from what was typed; `BadValue` names what is wrong."""
    if latency_ms is None:
        return Execution(limited=limited)
    if not PLAIN_DECIMAL.fullmatch(latency_ms):
        raise BadValue(f"--latency-ms: {latency_ms!r} is not a plain decimal such as 25 or 0.5")
    try:
        latency_us, rest = divmod(to_units(latency_ms, "--latency-ms"), MICROSECOND)
    except ValueError as error:
        raise BadValue(str(error)) from None
    if rest:
        raise BadValue(f"--latency-ms: {latency_ms} is not a whole number of microseconds")
    if not 0 <= latency_us <= LATENCY_MAX_US:
        raise BadValue(f"--latency-ms: {latency_ms} is not between 0 and {LATENCY_MAX_US // 1_000}, a day")
    return Execution(latency_us, limited)


def execution_row(execution: Execution) -> dict[str, Any]:
    """An execution under its options' names."""
    return {"latency_ms": plain(execution.latency_us * MICROSECOND), "limited_fills": execution.limited}
