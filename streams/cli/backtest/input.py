"""What a backtest is asked for: settings, times and trades, from what was typed."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from producers.recorded.errors import FileError
from producers.recorded.finding import is_archive
from schemas.records import Instrument, Settings, Setup
from schemas.symbols import split_instrument
from schemas.times import Between, iso
from schemas.units import PLAIN, parse_plain, to_units
from streams.cli.backtest.options import Filling, Filters, TradesFrom
from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue, CliError
from streams.cli.instruments.settings_file import read_settings
from streams.cli.instruments.symbols import keys_of, resolve
from streams.cli.output import Output
from streams.cli.times import parse_times
from streams.recordings.files import from_files
from streams.recordings.recording import NoTrades, Recording
from streams.trading.simulation import LATENCY_MAX_US, Execution

LIVE = "live"
"""The `--settings` that are those in the topic."""
GRID = {"tick": "tick_size", "step": "step_size"}
"""The filters that are called otherwise when they are typed."""
MICROSECOND = 100_000
"""In units of 1e-8 ms."""
Offsets = Mapping[int, tuple[int, int]]
"""The first offset of some partitions, and the one that is no more part of it."""
RANGE = re.compile(r"(\d{1,9}):(\d{1,18}):(\d{1,18})", re.ASCII)


@dataclass(frozen=True)
class Source:
    """Where the trades are: files, or else the topic, and which part of it."""

    files: Sequence[Path]
    between: Between
    offsets: Offsets | None
    settings: str | None
    """A file of settings, or `live`."""


def parse_source(asked: TradesFrom) -> Source:
    """Return what was asked for; `BadValue` for what contradicts itself."""
    files, offsets = asked.files, asked.offsets
    if files and asked.topic:
        raise BadValue(f"--file {files[0]} or --topic, not both")
    if not files and not asked.topic:
        raise BadValue("no trades to run on", hint="--file FILE or --topic")
    if offsets and not asked.topic:
        raise BadValue(f"--offsets {offsets[0]} needs --topic")
    if offsets and (asked.since, asked.until) != (None, None):
        raise BadValue(f"--offsets {offsets[0]} or --from and --to, not both")
    between = parse_times(asked.since, asked.until)
    return Source(files or (), between, parse_offsets(offsets) if offsets else None, asked.settings_from)


def parse_offsets(texts: Sequence[str]) -> Offsets:
    """Return first offset and end by partition from `PARTITION:START:END` each, the end not included."""
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


def parse_filters(asked: Filters) -> dict[str, Any]:
    """Return the filters that were typed, by the fields of `Instrument`, in units of 1e-8."""
    values = {}
    for name, text in vars(asked).items():
        if text is None:
            continue
        field, option = GRID.get(name, name), f"--{name.replace('_', '-')}"
        try:
            values[field] = parse_plain(text, option)
        except ValueError as error:
            raise BadValue(str(error)) from None
        if name in GRID and values[field] <= 0:
            raise BadValue(f"{option}: {text} is not above 0")
        if values[field] < 0:
            raise BadValue(f"{option}: {text} is below 0")
    return values


def typed_setup(symbol: str, filters: Mapping[str, Any], values: Mapping[str, Any]) -> Setup:
    """Return what was typed and the defaults of `Settings` for what was not; tick and step have none."""
    missing = [option for field, option in (("tick_size", "--tick"), ("step_size", "--step")) if field not in filters]
    if missing:
        raise BadValue(
            f"{' and '.join(missing)} of {symbol} not given: no exchange says it for recorded trades",
            hint="--tick 0.00001 --step 0.1 (PRICE_FILTER and LOT_SIZE of the exchange at that time)",
        )
    (key,) = keys_of([symbol])
    exchange, name = split_instrument(key)
    instrument = Instrument(exchange=exchange, symbol=name, base_asset="", quote_asset="", **filters)
    return checked(Setup(instrument, Settings(exchange=exchange, symbol=name, **values)))


def execution_of(asked: Filling) -> Execution:
    """Return how orders are executed; `BadValue` names what is wrong."""
    latency_ms = asked.latency_ms
    if latency_ms is None:
        return Execution(limited=asked.limited_fills)
    if not PLAIN.fullmatch(latency_ms):
        raise BadValue(f"--latency-ms: {latency_ms!r} is not a plain decimal such as 25 or 0.5")
    try:
        latency_us, rest = divmod(to_units(latency_ms, "--latency-ms"), MICROSECOND)
    except ValueError as error:
        raise BadValue(str(error)) from None
    if rest:
        raise BadValue(f"--latency-ms: {latency_ms} is not a whole number of microseconds")
    if not 0 <= latency_us <= LATENCY_MAX_US:
        raise BadValue(f"--latency-ms: {latency_ms} is not between 0 and {LATENCY_MAX_US // 1_000}, a day")
    return Execution(latency_us, asked.limited_fills)


def checked(setup: Setup) -> Setup:
    """Return the setup itself; `BadValue` names the field and the value that cannot be."""
    try:
        setup.check()
    except ValueError as error:
        raise BadValue(str(error)) from None
    return setup


def setups_of(
    symbols: Sequence[str], filters: Mapping[str, Any], values: Mapping[str, Any], source: Source
) -> list[Setup]:
    """Return what each symbol is run with, once: `filters` and `values` in the place of what is known of it.

    That is what the file of settings says, if there is one; else, for the topic, the live settings, unless both tick
    and step were typed: the symbol may have none any more; else nothing, and all is as it was typed.
    """
    typed = {"tick_size", "step_size"} <= filters.keys()
    if source.settings not in (None, LIVE):
        known = read_settings(Path(source.settings or ""))
    elif source.settings == LIVE or not (source.files or typed):
        from streams.cli.instruments.select import read  # noqa: PLC0415 -- Kafka takes its time, most have files

        known = read(with_settings())
    else:
        found = [typed_setup(symbol, filters, values) for symbol in symbols]
        return list({setup.key: setup for setup in found}.values())
    return [checked(_changed(known[key], filters, values)) for key in resolve(symbols, known)]


def _changed(setup: Setup, filters: Mapping[str, Any], values: Mapping[str, Any]) -> Setup:
    replace = msgspec.structs.replace
    return Setup(replace(setup.instrument, **filters), replace(setup.settings, **values))


def read_trades(source: Source, instruments: Sequence[str], out: Output) -> list[Recording]:
    """Return the trades of each instrument; `BadValue` for files and offsets that cannot be, `CliError` for none."""
    try:
        if source.files:
            with out.progress_bar("reading", "lines") as progress:
                return _reader(source.files)(source.files, instruments, source.between, progress)
        from streams.recordings.topic import from_topic  # noqa: PLC0415 -- as above

        config = with_settings()
        with out.progress_bar("consuming", "records") as progress:
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


def _reader(files: Sequence[Path]) -> Callable[..., list[Recording]]:
    """Return what reads the files: those of lines, or days of an archive, too."""
    if not any(map(is_archive, files)):
        return from_files
    from streams.archive.read import read_archive  # noqa: PLC0415 -- pyarrow takes its time, most do not need it

    return read_archive
