"""`hedgehog audit`: do the recorded inputs give the recorded orders?"""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from typing import Any

import typer

from streams.cli.errors import PROBLEM
from streams.cli.output import Json, out
from streams.cli.reach import with_settings

SHOWN = 20
"""So many differences are shown; all of them with `--json`."""


def audit(as_json: Json = False) -> None:
    """Replay what was recorded, in its recorded interleaving, and compare it with the recorded orders.

    The pipeline should be at rest: a trade that no worker has seen yet counts as seen.
    """
    config = with_settings()
    out.progress("reading trades, fills, orders and the leaders' journal from their topics…")
    from streams.backtest.audit import audit as replay

    result = replay(config)
    differences = [
        {
            "instrument": difference.instrument,
            "version": difference.version,
            "recorded": _shown(difference.recorded),
            "replayed": _shown(difference.replayed),
        }
        for difference in result.differences
    ]
    counts = {name: getattr(result, name) for name in ("instruments", "trades", "orders", "fills", "repeats")} | {
        "differences": len(differences)
    }
    if as_json or out.json:
        out.record(counts | {"differences": differences})
    else:
        out.record(counts)
        if differences:
            columns = ("instrument", "version", "recorded", "replayed")
            out.section("Differences", differences[:SHOWN], columns, empty="")
        out.note("the recorded inputs give the recorded orders" if result.passed else "hedgehog audit --json: all")
    if not result.passed:
        raise typer.Exit(PROBLEM)


def _shown(record: Any) -> str | None:
    """An order as side, price, quantity and status; a journal entry as the input it took."""
    from schemas.records import Order
    from schemas.units import plain

    if isinstance(record, Order):
        numbers = f"{plain(record.price)} {plain(record.quantity)} {plain(record.executed_quantity)}"
        return f"{record.client_order_id} {record.status} {numbers}"
    return f"{record.input_topic} {record.input_offset} after trade {record.trades_offset}" if record else None
