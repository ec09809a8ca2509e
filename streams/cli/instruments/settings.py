"""`hedgehog settings`: what each instrument runs by."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.parameters import BY_FIELD, FIELDS
from streams.cli.endpoints import with_settings
from streams.cli.errors import UNREACHABLE, BadValue, CliError
from streams.cli.instruments.select import All, DryRun, Symbols, apply, pick, read
from streams.cli.output import Json, heading, out
from streams.cli.parameters import with_parameters

if TYPE_CHECKING:
    from streams.cli.instruments.changes import Change

app = typer.Typer(help="What each instrument runs by: seed, show, set.", no_args_is_help=True)

COLUMNS = (
    "instrument",
    "status",
    "streaming",
    *FIELDS,
    "tick_size",
    "step_size",
    "min_notional",
    "exchange_status",
)


@app.command()
def seed(
    from_exchange: Annotated[
        bool, typer.Option("--from-exchange", help="Ask the exchange (HEDGEHOG_BINANCE_REST_URL); the default.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A saved exchangeInfo answer, .gz or not.")
    ] = None,
    exchange: Annotated[str, typer.Option(help="The exchange to seed.")] = "binance",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Write what the exchange says of all its symbols at once; what the user sets is not touched."""
    from producers.binance.exchange_info import EXCHANGE, ExchangeInfoError, load_exchange_info
    from producers.settings_topic import read_instruments, write
    from streams.cli.instruments.changes import refreshed

    if from_exchange and file is not None:
        raise BadValue(f"--from-exchange or --file {file}, not both")
    if exchange != EXCHANGE:
        raise BadValue(f"--exchange: {exchange!r} is not known; it is {EXCHANGE}")
    config = with_settings()
    source = file if file is not None else config
    out.progress(f"reading the symbols of {file or config.binance_rest_url}")
    try:
        fresh = load_exchange_info(source)
    except ExchangeInfoError as error:
        if file is not None:
            raise BadValue(f"--file: {error}") from None
        hint = "hedgehog settings seed --file EXCHANGE_INFO.json"
        raise CliError(str(error), hint=hint, code=UNREACHABLE) from None
    if not fresh:
        raise BadValue(f"{file or config.binance_rest_url} lists no symbol")
    began = time.monotonic()
    known = read_instruments(config)
    changed = refreshed(known, fresh, time.time_ns() // 1_000)
    if changed and not dry_run:
        write(config, changed)
    listed = {instrument.instrument for instrument in fresh}
    out.record(
        {
            "symbols": len(fresh),
            "added": sum(instrument.instrument not in known for instrument in changed),
            "refreshed": sum(instrument.instrument in known for instrument in changed),
            "unchanged": len(fresh) - len(changed),
            "no_longer_listed": sorted(key for key in known if key not in listed and key.startswith(f"{exchange}:")),
            "seconds": round(time.monotonic() - began, 3),
            "dry_run": dry_run,
        }
    )
    out.note("next: hedgehog streaming start SYMBOL, hedgehog trading start SYMBOL")


@app.command()
def show(symbols: Symbols = None, as_json: Json = False) -> None:
    """Show the settings of SYMBOLs, or of every instrument."""
    from streams.cli.instruments.changes import as_row

    known = read(with_settings())
    picked = pick(known, symbols, False) if symbols else list(known.values())
    out.rows([as_row(setup) for setup in picked], COLUMNS, empty="no instrument yet; next: hedgehog settings seed")


@app.command(name="set")
@with_parameters(FIELDS, "NUMBER")
def set_values(
    symbols: Symbols = None,
    everything: All = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    **typed: str | None,
) -> None:
    """Change the settings of SYMBOLs: exact plain decimals. Running traders keep the orders they have."""
    from streams.cli.instruments.changes import parse_values

    values = parse_values(typed)
    if not values:
        raise BadValue(f"nothing to set: give one of {' '.join(each.option for each in BY_FIELD.values())}")
    config = with_settings()
    picked = pick(read(config), symbols, everything)
    made = apply(
        config,
        picked,
        values,
        dry_run=dry_run,
        row=_changed,
        columns=("instrument", "changed"),
        unchanged="nothing changed: the values are as given already",
    )
    if made and not dry_run:
        out.note("next: hedgehog trading start SYMBOL")


def _changed(change: "Change") -> dict[str, Any]:
    fields = change.fields()
    return {
        "instrument": change.instrument.instrument,
        "changed": [f"{heading(name)} {old} → {new}" for name, (old, new) in fields.items()],
        "before": {name: old for name, (old, _) in fields.items()},
        "after": {name: new for name, (_, new) in fields.items()},
    }
