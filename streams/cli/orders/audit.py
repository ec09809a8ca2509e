"""`hedgehog audit`: do the recorded inputs give the recorded orders?"""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from typing import Annotated, Any

import typer

from streams.cli.endpoints import with_settings
from streams.cli.errors import PROBLEM
from streams.cli.instruments.select import complete_symbol, read
from streams.cli.output import Json, out

SHOWN = 20
"""So many differences are shown; all of them with `--json`."""
COUNTS = ("instruments", "trades", "fills", "settings", "orders", "snapshots", "journal", "repeats")


def audit(
    symbols: Annotated[
        list[str] | None,
        typer.Option(
            "--symbol", metavar="SYMBOL", autocompletion=complete_symbol, help="Of this instrument; repeatable."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay what was recorded, in its recorded interleaving, and compare it with the recorded orders.

    The pipeline should be at rest: a trade that no worker has seen yet counts as seen. One partition is read at a time;
    its trades, orders and fills have to fit into memory.
    """
    config = with_settings()
    from streams.audit.audit import audit as audited
    from streams.cli.instruments.symbols import resolve

    instruments = resolve(symbols, read(config)) if symbols else None
    out.progress("reading trades, fills, orders and the leaders' journal from their topics…")
    result = audited(config, instruments)
    differences = [
        {
            "instrument": difference.instrument,
            "version": difference.version,
            "recorded": shown_record(difference.recorded),
            "replayed": shown_record(difference.refolded),
        }
        for difference in result.differences
    ]
    counts = {name: getattr(result, name) for name in COUNTS} | {"differences": len(differences)}
    if as_json or out.json:
        out.record(counts | {"differences": differences})
    else:
        out.record(counts)
        if differences:
            columns = ("instrument", "version", "recorded", "replayed")
            out.section("Differences", differences[:SHOWN], columns, empty="")
        out.note(_verdict(result))
    if not result.passed:
        raise typer.Exit(PROBLEM)


def _verdict(result: Any) -> str:
    if not result.passed:
        return "the recorded inputs do not give the recorded orders; hedgehog audit --json: all differences"
    if not result.instruments:
        return "no leader has recorded anything yet; start with: hedgehog trading start SYMBOL"
    inputs = f"{result.trades:,} trades, {result.fills:,} fills and {result.settings:,} changes of settings"
    return f"{inputs} give the {result.snapshots:,} recorded snapshots of {result.orders:,} orders, field by field"


def shown_record(record: Any) -> str | None:
    """An order as its id, status, price, quantity and executed quantity; a journal entry as the input it took."""
    from schemas.records import Order
    from schemas.units import plain

    if isinstance(record, Order):
        numbers = f"{plain(record.price)} {plain(record.quantity)} {plain(record.executed_quantity)}"
        return f"{record.client_order_id} {record.status} {numbers}"
    return f"{record.input_topic} {record.input_offset} after trade {record.trades_offset}" if record else None
