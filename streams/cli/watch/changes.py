"""Changes of watches: values as typed to exact ones, new watches from old ones, written beside whoever else writes."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from infra.config import Config
from producers.settings_topic import change, read_watches
from schemas.records import Setup
from schemas.symbols import split_instrument
from schemas.units import parse_plain, parse_whole, plain
from schemas.watches import AlertKind, Watch
from streams.cli.errors import BadValue
from streams.cli.watch.options import Wishes
from streams.notify.durations import parse_seconds, shown_seconds

Changed = tuple[Watch, Watch]
"""Before and after."""
Wanted = Mapping[str, Mapping[str, Any]]
"""By instrument, the values of fields."""


def parse_wishes(wishes: Wishes) -> dict[str, Any]:
    """Return field values from what was typed; `BadValue` names the option and the text."""
    parsers: dict[str, Callable[[str], int | str]] = {
        "deviation": lambda text: parse_plain(text, "--deviation"),
        "apart": lambda text: parse_plain(text, "--apart"),
        "pair": lambda text: "" if text == "none" else text.upper(),
        "cooldown": lambda text: parse_seconds(text, "--cooldown"),
        "coverage": lambda text: parse_seconds(text, "--coverage"),
        "silence": lambda text: parse_seconds(text, "--silence"),
        "digest": lambda text: parse_whole(text, "--digest"),
        "kinds": lambda text: ",".join(AlertKind) if text == "all" else text.replace(" ", ""),
    }
    try:
        values = {name: parse(typed) for name, parse in parsers.items() if (typed := getattr(wishes, name)) is not None}
    except ValueError as error:
        raise BadValue(str(error)) from None
    if "digest" in values:
        values["digest_minutes"] = values.pop("digest")
    return values


def changed(
    known: Mapping[str, Watch], instruments: Sequence[str], values: Mapping[str, Any], now: int
) -> list[Changed]:
    """Return what changes at `now` (µs) with these values; `BadValue` names instrument, field and value."""
    made = []
    for key in instruments:
        # a watch that nobody has set is none yet
        before = known.get(key) or _unset(key)
        after = msgspec.structs.replace(before, **values)
        try:
            after.check()
        except ValueError as error:
            raise BadValue(f"{key}: {error}") from None
        if after != before:
            made.append((before, msgspec.structs.replace(after, updated_time=now)))
    return made


def watch(
    config: Config, setups: Mapping[str, Setup], keys: Sequence[str], values: Mapping[str, Any], dry_run: bool = False
) -> list[Changed]:
    """Watch instruments; return what (would have) changed."""
    known = read_watches(config)
    return _written(config, known, watching(known, setups, keys, values), dry_run)


def unwatch(config: Config, keys: Sequence[str], dry_run: bool = False) -> list[Changed]:
    """Watch instruments no more; return what (would have) changed."""
    known = read_watches(config)
    return _written(config, known, not_watching(known, keys), dry_run)


def watching(
    known: Mapping[str, Watch], setups: Mapping[str, Setup], keys: Sequence[str], values: Mapping[str, Any]
) -> Wanted:
    """Return the values by which instruments are watched.

    Each is compared with those of its pair on other exchanges, for which these, watched or not, have to say that pair.
    """
    wanted = {key: {"watched": True, **values} for key in keys}
    for key, pair in pairs_of(setups, keys).items():
        if key not in known or not known[key].pair:
            wanted[key] = {"pair": pair} | wanted.get(key, {})
    return wanted


def not_watching(known: Mapping[str, Watch], keys: Sequence[str]) -> Wanted:
    """Return the values by which instruments are watched no more; a pair of which none is left is not compared."""
    wanted: dict[str, dict[str, Any]] = {key: {"watched": False} for key in keys}
    still = {watch.pair for key, watch in known.items() if watch.watched and key not in wanted}
    over = {known[key].pair for key in keys if key in known} - still
    for key, watch in known.items():
        if watch.pair and watch.pair in over:
            wanted[key] = {"pair": ""} | wanted.get(key, {})
    return wanted


def pairs_of(setups: Mapping[str, Setup], keys: Sequence[str]) -> dict[str, str]:
    """Return by instrument the pair, of these and of those of the same pair elsewhere, where there are any."""
    members: dict[str, set[str]] = {}
    for key, setup in setups.items():
        pair = f"{setup.instrument.base_asset}/{setup.instrument.quote_asset}".upper()
        members.setdefault(pair, set()).add(key)
    asked = {pair: found for pair, found in members.items() if found & set(keys)}
    several = {pair: found for pair, found in asked.items() if len({split_instrument(key)[0] for key in found}) > 1}
    return {key: pair for pair, found in several.items() for key in sorted(found)}


def _written(config: Config, known: Mapping[str, Watch], wanted: Wanted, dry_run: bool) -> list[Changed]:
    now = time.time_ns() // 1_000
    made = [each for key, values in wanted.items() for each in changed(known, [key], values, now)]
    if made and not dry_run:
        change(config, made)
    return made


def apply(
    config: Config, instruments: Sequence[str], values: Mapping[str, Any], dry_run: bool = False
) -> list[Changed]:
    """Change the watches of these instruments; return what (would have) changed."""
    return _written(config, read_watches(config), dict.fromkeys(instruments, values), dry_run)


def as_row(watch: Watch) -> dict[str, Any]:
    """Return a watch as it is shown."""
    return {
        "instrument": watch.instrument,
        "watched": watch.watched,
        "deviation": plain(watch.deviation),
        "apart": plain(watch.apart),
        "pair": watch.pair,
        "cooldown": shown_seconds(watch.cooldown),
        "coverage": shown_seconds(watch.coverage),
        "digest_minutes": watch.digest_minutes,
        "silence": shown_seconds(watch.silence),
        "kinds": "all" if set(watch.wanted_kinds) == set(AlertKind) else watch.kinds.replace(",", " "),
    }


def _unset(key: str) -> Watch:
    exchange, symbol = split_instrument(key)
    return Watch(exchange=exchange, symbol=symbol, watched=False)
