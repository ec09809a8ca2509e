"""`hedgehog settings`: what each instrument runs by."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from infra.config import Config
from producers.binance.exchange_info import EXCHANGE, ExchangeInfoError, load_exchange_info
from producers.settings_topic import read_instruments, write
from schemas.parameters import FIELDS, PARAMETERS
from schemas.records import Instrument
from streams.cli.endpoints import with_settings
from streams.cli.errors import UNREACHABLE, BadValue, CliError
from streams.cli.instruments.changes import Change, as_row, parse_values, refreshed
from streams.cli.instruments.options import Seed, Set, Show, Wanted
from streams.cli.instruments.select import Shown, apply, pick, pick_or, read
from streams.cli.output import Output, heading

COLUMNS = (
    *("instrument", "status", "streaming"),
    *FIELDS,
    *("tick_size", "step_size", "min_notional", "exchange_status"),
)


def seed(asked: Seed, out: Output) -> None:
    """Write the instruments that the exchange has changed or that are new, and count them."""
    if asked.from_exchange and asked.file is not None:
        raise BadValue(f"--from-exchange or --file {asked.file}, not both")
    if asked.exchange != EXCHANGE:
        raise BadValue(f"--exchange: {asked.exchange!r} is not known; it is {EXCHANGE}")
    config = with_settings()
    fresh = _asked_of_exchange(asked, config, out)
    began = time.monotonic()
    known = read_instruments(config)
    changed = refreshed(known, fresh, time.time_ns() // 1_000)
    if changed and not asked.dry_run:
        write(config, changed)
    counts = _counts(known, fresh, changed)
    out.record(counts | {"seconds": round(time.monotonic() - began, 3), "dry_run": asked.dry_run})
    out.note("next: hedgehog streaming start SYMBOL, hedgehog trading start SYMBOL")


def _asked_of_exchange(asked: Seed, config: Config, out: Output) -> list[Instrument]:
    """Return what the exchange, or a saved answer of it, says; there is some symbol."""
    source = asked.file or config.binance_rest_url
    out.progress(f"reading the symbols of {source}")
    try:
        fresh = load_exchange_info(asked.file or config)
    except ExchangeInfoError as error:
        if asked.file is not None:
            raise BadValue(f"--file: {error}") from None
        hint = "hedgehog settings seed --file EXCHANGE_INFO.json"
        raise CliError(str(error), hint=hint, code=UNREACHABLE) from None
    if not fresh:
        raise BadValue(f"{source} lists no symbol")
    return fresh


def _counts(
    known: Mapping[str, Instrument], fresh: Sequence[Instrument], changed: Sequence[Instrument]
) -> dict[str, Any]:
    listed = {instrument.instrument for instrument in fresh}
    return {
        "symbols": len(fresh),
        "added": sum(instrument.instrument not in known for instrument in changed),
        "refreshed": sum(instrument.instrument in known for instrument in changed),
        "unchanged": len(fresh) - len(changed),
        "no_longer_listed": sorted(key for key in known if key not in listed and key.startswith(f"{EXCHANGE}:")),
    }


def show(asked: Show, out: Output) -> None:
    """Show each instrument with its settings."""
    picked = pick_or(read(with_settings()), Wanted(asked.symbols), lambda _: True)
    out.rows([as_row(setup) for setup in picked], COLUMNS, empty="no instrument yet; next: hedgehog settings seed")


def set_values(asked: Set, out: Output) -> None:
    """Write the settings that were typed, and show what they were before."""
    values = parse_values(asked.parameters)
    if not values:
        raise BadValue(f"nothing to set: give one of {' '.join(each.option for each in PARAMETERS)}")
    config = with_settings()
    shown = Shown(_changed, ("instrument", "changed"), "nothing changed: the values are as given already")
    made = apply(config, pick(read(config), asked.wanted), values, asked.dry_run, shown, out)
    if made and not asked.dry_run:
        out.note("next: hedgehog trading start SYMBOL")


def _changed(change: Change) -> dict[str, Any]:
    fields = change.fields()
    return {
        "instrument": change.instrument.instrument,
        "changed": [f"{heading(name)} {old} → {new}" for name, (old, new) in fields.items()],
        "before": {name: old for name, (old, _) in fields.items()},
        "after": {name: new for name, (_, new) in fields.items()},
    }
