"""Changes of watches: values as typed to exact ones, new watches from old ones, written beside whoever else writes."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from infra.config import Config
from producers.settings_topic import change, read_watches
from schemas.symbols import split_instrument
from schemas.units import parse_plain, parse_whole, plain
from schemas.watches import AlertKind, Watch
from streams.cli.errors import BadValue
from streams.cli.watch.options import Wishes
from streams.notify.durations import parse_seconds, shown_seconds

Changed = tuple[Watch, Watch]
"""Before and after."""


def parse_wishes(wishes: Wishes) -> dict[str, Any]:
    """Return field values from what was typed; `BadValue` names the option and the text."""
    parsers: dict[str, Callable[[str], int | str]] = {
        "deviation": lambda text: parse_plain(text, "--deviation"),
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


def apply(
    config: Config, instruments: Sequence[str], values: Mapping[str, Any], dry_run: bool = False
) -> list[Changed]:
    """Change the watches of these instruments; return what (would have) changed."""
    made = changed(read_watches(config), instruments, values, time.time_ns() // 1_000)
    if made and not dry_run:
        change(config, made)
    return made


def as_row(watch: Watch) -> dict[str, Any]:
    """Return a watch as it is shown."""
    return {
        "instrument": watch.instrument,
        "watched": watch.watched,
        "deviation": plain(watch.deviation),
        "cooldown": shown_seconds(watch.cooldown),
        "coverage": shown_seconds(watch.coverage),
        "digest_minutes": watch.digest_minutes,
        "silence": shown_seconds(watch.silence),
        "kinds": "all" if set(watch.wanted_kinds) == set(AlertKind) else watch.kinds.replace(",", " "),
    }


def _unset(key: str) -> Watch:
    exchange, symbol = split_instrument(key)
    return Watch(exchange=exchange, symbol=symbol, watched=False)
