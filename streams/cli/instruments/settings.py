"""`hedgehog settings`: what each instrument runs by."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.config import Config
from producers.exchanges import LISTERS, rest_url
from producers.listing import Listing, ListingError
from producers.recorded.naming import EXCHANGE
from producers.settings_topic import read_instruments, write
from schemas.parameters import FIELDS, PARAMETERS
from schemas.records import Setup
from streams.cli.endpoints import with_settings
from streams.cli.errors import UNREACHABLE, BadValue, CliError
from streams.cli.instruments.changes import Change, as_row, parse_values, refreshed
from streams.cli.instruments.coarse import tell_live
from streams.cli.instruments.options import Seed, Set, Show, Wanted
from streams.cli.instruments.select import Shown, apply, pick, pick_or, read
from streams.cli.output import Output, heading

COLUMNS = (
    *("instrument", "status", "streaming"),
    *FIELDS,
    *("tick_size", "step_size", "min_notional", "exchange_status"),
)


def seed(asked: Seed, out: Output) -> None:
    """Write the instruments that the exchanges have changed or that are new, and count them.

    What one exchange lists is written although another does not answer; that is told at the end.
    """
    if asked.from_exchange and asked.file is not None:
        raise BadValue(f"--from-exchange or --file {asked.file}, not both")
    names = _names(asked)
    config = with_settings()
    listings, failed = {}, []
    for name in names:
        try:
            listings[name] = _listed(name, asked.file, config, out)
        except ListingError as error:
            failed.append(str(error))
    if not listings:
        raise _unavailable(asked, failed)
    out.record(_write(config, listings, asked.dry_run) | {"failed": failed, "dry_run": asked.dry_run})
    if failed:
        raise _unavailable(asked, failed)
    out.note("next: hedgehog streaming start SYMBOL, hedgehog trading start SYMBOL")


def _names(asked: Seed) -> list[str]:
    """Return the exchanges that are asked: one saved answer is that of one exchange."""
    names = [name.strip().lower() for name in asked.exchange or ()]
    for name in names:
        if name not in LISTERS:
            raise BadValue(f"--exchange: {name!r} is not known; there are {', '.join(LISTERS)}")
    if asked.file is not None and len(names) > 1:
        raise BadValue(f"--file {asked.file} is the answer of one exchange, and --exchange names {len(names)}")
    return names or (list(LISTERS) if asked.file is None else [EXCHANGE])


def _listed(name: str, file: Path | None, config: Config, out: Output) -> Listing:
    """Return what an exchange, or a saved answer of it, lists; there is some symbol."""
    source = file or rest_url(config, name)
    out.progress(f"reading the symbols of {source}")
    listing = LISTERS[name].ask(str(source)) if file is None else LISTERS[name].open(file)
    if not listing.instruments and not listing.left_out:
        raise ListingError(f"{source} lists no symbol")
    return listing


def _unavailable(asked: Seed, failed: Sequence[str]) -> CliError:
    if asked.file is not None:
        return BadValue(f"--file: {failed[0]}")
    hint = "hedgehog settings seed --exchange NAME --file SAVED_ANSWER.json"
    return CliError("; ".join(failed), hint=hint, code=UNREACHABLE)


def _write(config: Config, listings: Mapping[str, Listing], dry_run: bool) -> dict[str, Any]:
    """Write what is new or changed; return what is told of it."""
    began = time.monotonic()
    known = read_instruments(config)
    fresh = [instrument for listing in listings.values() for instrument in listing.instruments]
    changed = refreshed(known, fresh, time.time_ns() // 1_000)
    if changed and not dry_run:
        write(config, changed)
    left_out = [each for listing in listings.values() for each in listing.left_out]
    listed = {instrument.instrument for instrument in fresh} | {each.instrument for each in left_out}
    return {
        "exchanges": list(listings),
        "symbols": len(fresh),
        "added": sum(instrument.instrument not in known for instrument in changed),
        "refreshed": sum(instrument.instrument in known for instrument in changed),
        "unchanged": len(fresh) - len(changed),
        "left_out": [f"{each.instrument}: {each.reason}" for each in left_out],
        "no_longer_listed": sorted(
            key for key, instrument in known.items() if instrument.exchange in listings and key not in listed
        ),
        "seconds": round(time.monotonic() - began, 3),
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
    tell_live(config, [Setup(each.instrument, each.after) for each in made], out)
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
