"""What a backtest is asked for: settings, times and trades, from what was typed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from producers.files import EXCHANGE, FileError
from schemas.records import Settings
from schemas.units import to_units
from streams.backtest.load import Recording, from_file, from_topic
from streams.cli.changes import PLAIN_DECIMAL, iso
from streams.cli.errors import BadValue, CliError
from streams.cli.instruments import read
from streams.cli.output import out
from streams.cli.reach import with_settings
from streams.cli.symbols import SEPARATORS, resolve

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Between = tuple[int | None, int | None]


def parse_times(since: str | None, until: str | None) -> Between:
    """`--from` and `--to` in microseconds since the epoch; `BadValue` names what is wrong."""
    first = None if since is None else parse_time("--from", since)
    end = None if until is None else parse_time("--to", until)
    if first is not None and end is not None and first >= end:
        raise BadValue(f"--from: {since} is not before --to {until}")
    return first, end


def parse_time(option: str, text: str) -> int:
    """An ISO 8601 time, UTC where it names no zone, in microseconds since the epoch."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue(f"{option}: {text!r} is not an ISO 8601 time such as 2019-06-02T12:00:00Z") from None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return (moment - EPOCH) // timedelta(microseconds=1)


def parse_filters(tick: str | None, step: str | None) -> dict[str, Any]:
    """`tick_size` and `step_size` of those that were typed, in units of 1e-8."""
    values = {}
    for field, option, text in (("tick_size", "--tick", tick), ("step_size", "--step", step)):
        if text is None:
            continue
        if not PLAIN_DECIMAL.fullmatch(text):
            raise BadValue(f"{option}: {text!r} is not a plain decimal such as 0.0001")
        try:
            values[field] = to_units(text, option)
        except ValueError as error:
            raise BadValue(str(error)) from None
        if values[field] <= 0:
            raise BadValue(f"{option}: {text} is not above 0")
    return values


def typed_settings(symbol: str, values: dict[str, Any]) -> Settings:
    """Settings from options alone: those of `Settings` for what was not typed, but tick and step have to be."""
    missing = [option for field, option in (("tick_size", "--tick"), ("step_size", "--step")) if field not in values]
    if missing:
        raise BadValue(
            f"{' and '.join(missing)} of {symbol} not given: no exchange says it for recorded trades",
            hint="--tick 0.00001 --step 0.1 (PRICE_FILTER and LOT_SIZE of the exchange at that time)",
        )
    exchange, _, name = symbol.rpartition(":")
    name = name.translate(SEPARATORS).upper()
    if not name:
        raise BadValue(f"--symbol: {symbol!r} names no symbol")
    exchange = exchange.strip().lower() or EXCHANGE
    return checked(Settings(exchange=exchange, symbol=name, base_asset="", quote_asset="", **values))


def checked(settings: Settings) -> Settings:
    """The settings themselves; `BadValue` names the field and the value that cannot be."""
    try:
        settings.check()
    except ValueError as error:
        raise BadValue(str(error)) from None
    return settings


def read_file(file: Path, instrument: str, between: Between) -> Recording:
    """The trades of a file; `BadValue` names file and line, `CliError` the range without any."""
    out.progress(f"reading {file}…")
    try:
        return from_file(file, instrument, *between)
    except FileError as error:
        raise BadValue(f"--file: {error}") from None
    except ValueError as error:
        raise _none(error, between) from None


def read_topic(symbol: str, values: dict[str, Any], between: Between) -> tuple[Settings, Recording]:
    """The trades in the topic, and the symbol's live settings with `values` in their place.

    The live settings are not asked for when both tick and step were typed: the symbol may have none any more.
    """
    config = with_settings()
    if {"tick_size", "step_size"} <= values.keys():
        settings = typed_settings(symbol, values)
    else:
        known = read(config)
        (key,) = resolve([symbol], known)
        settings = checked(msgspec.structs.replace(known[key], **values))
    out.progress(f"consuming the trades of {settings.instrument}…")
    try:
        return settings, from_topic(config, settings.instrument, *between)
    except ValueError as error:
        raise _none(error, between) from None


def _none(error: ValueError, between: Between) -> CliError:
    since, until = between
    limits = [f"{name} {iso(at)}" for name, at in (("from", since), ("before", until)) if at is not None]
    return CliError(" ".join([str(error), *limits]))
