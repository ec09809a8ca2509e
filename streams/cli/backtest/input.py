"""What a backtest is asked for: settings, times and trades, from what was typed."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from producers.recorded.files import EXCHANGE, FileError, is_archive
from schemas.records import Settings
from schemas.symbols import typed_instrument
from schemas.times import Between, iso, micros_of
from schemas.units import to_units
from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue, CliError
from streams.cli.instruments.changes import PLAIN_DECIMAL
from streams.cli.instruments.select import read
from streams.cli.instruments.settings_file import read_settings
from streams.cli.instruments.symbols import resolve
from streams.cli.progress import progress_bar
from streams.recordings.files import from_files
from streams.recordings.recording import NoTrades, Recording
from streams.recordings.topic import Offsets, from_topic

LIVE = "live"
"""The `--settings` that are those in the topic."""
RANGE = re.compile(r"(\d{1,9}):(\d{1,18}):(\d{1,18})", re.ASCII)


@dataclass(frozen=True)
class Source:
    """Where the trades are: files, or else the topic, and which part of it."""

    files: Sequence[Path]
    between: Between
    offsets: Offsets | None
    settings: str | None
    """A file of settings, or `live`."""


def parse_source(
    files: Sequence[Path] | None,
    topic: bool,
    times: tuple[str | None, str | None],
    offsets: Sequence[str] | None,
    settings: str | None,
) -> Source:
    """What was asked for, or `BadValue` for what contradicts itself."""
    if files and topic:
        raise BadValue(f"--file {files[0]} or --topic, not both")
    if not files and not topic:
        raise BadValue("no trades to run on", hint="--file FILE or --topic")
    if offsets and not topic:
        raise BadValue(f"--offsets {offsets[0]} needs --topic")
    if offsets and times != (None, None):
        raise BadValue(f"--offsets {offsets[0]} or --from and --to, not both")
    return Source(files or (), parse_times(*times), parse_offsets(offsets) if offsets else None, settings)


def parse_offsets(texts: Sequence[str]) -> Offsets:
    """`PARTITION:START:END` each, the end not included."""
    offsets: dict[int, tuple[int, int]] = {}
    for text in texts:
        match = RANGE.fullmatch(text)
        if not match:
            raise BadValue(f"--offsets: {text!r} is not PARTITION:START:END such as 3:1000:2000")
        partition, first, end = map(int, match.groups())
        if first >= end:
            raise BadValue(f"--offsets: {text!r} ends where it starts or before")
        if partition in offsets:
            raise BadValue(f"--offsets: {text!r} names partition {partition} a second time")
        offsets[partition] = first, end
    return offsets


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
    return micros_of(moment.replace(tzinfo=moment.tzinfo or UTC))


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


def typed_settings(symbol: str, values: Mapping[str, Any]) -> Settings:
    """Settings from options alone: those of `Settings` for what was not typed, but tick and step have to be."""
    missing = [option for field, option in (("tick_size", "--tick"), ("step_size", "--step")) if field not in values]
    if missing:
        raise BadValue(
            f"{' and '.join(missing)} of {symbol} not given: no exchange says it for recorded trades",
            hint="--tick 0.00001 --step 0.1 (PRICE_FILTER and LOT_SIZE of the exchange at that time)",
        )
    exchange, name = typed_instrument(symbol, EXCHANGE)
    if not name:
        raise BadValue(f"--symbol: {symbol!r} names no symbol")
    return checked(Settings(exchange=exchange, symbol=name, base_asset="", quote_asset="", **values))


def checked(settings: Settings) -> Settings:
    """The settings themselves; `BadValue` names the field and the value that cannot be."""
    try:
        settings.check()
    except ValueError as error:
        raise BadValue(str(error)) from None
    return settings


def settings_of(symbols: Sequence[str], values: Mapping[str, Any], source: Source) -> list[Settings]:
    """The settings of each symbol, once, with `values` in their place.

    From the file of settings, if there is one; else, for the topic, the live ones, unless both tick and step were
    typed: the symbol may have none any more; else from what was typed alone.
    """
    typed = {"tick_size", "step_size"} <= values.keys()
    if source.settings not in (None, LIVE):
        known = read_settings(Path(source.settings or ""))
    elif source.settings == LIVE or not (source.files or typed):
        known = read(with_settings())
    else:
        found = [typed_settings(symbol, values) for symbol in symbols]
        return list({settings.instrument: settings for settings in found}.values())
    return [checked(msgspec.structs.replace(known[key], **values)) for key in resolve(symbols, known)]


def read_trades(source: Source, instruments: Sequence[str]) -> list[Recording]:
    """The trades of each instrument; `BadValue` for files and offsets that cannot be, `CliError` for no trades."""
    try:
        if source.files:
            return _read_files(source, instruments)
        config = with_settings()
        with progress_bar("consuming", "records") as progress:
            return from_topic(config, instruments, source.between, source.offsets, progress)
    except FileError as error:
        raise BadValue(f"--file: {error}") from None
    except NoTrades as error:
        limits = zip(("from", "before"), source.between, strict=True)
        raise CliError(
            " ".join([str(error), *(f"{name} {iso(at)}" for name, at in limits if at is not None)])
        ) from None
    except ValueError as error:
        raise BadValue(f"--offsets: {error}") from None


def _read_files(source: Source, instruments: Sequence[str]) -> list[Recording]:
    """The trades in files that are read line by line, or in an archive, which is read in the order of its days."""
    reading: Callable[..., list[Recording]] = from_files
    if any(map(is_archive, source.files)):
        from streams.archive.read import read_archive  # noqa: PLC0415 -- pyarrow takes its time, most do not need it

        reading = read_archive
    with progress_bar("reading", "lines") as progress:
        return reading(source.files, instruments, source.between, progress)
