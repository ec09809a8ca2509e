"""Changes of settings, pure: values as typed to exact integers, new settings from old ones, what forbids them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.parameters import BY_FIELD
from schemas.records import FILTERS, Instrument, Settings, Setup, TradingStatus
from schemas.times import iso
from schemas.units import ONE, plain
from streams.cli.errors import BadValue


@dataclass(frozen=True)
class Change:
    """The settings of one instrument before and after."""

    instrument: Instrument
    before: Settings
    after: Settings

    def fields(self) -> dict[str, tuple[str, str]]:
        """Return what changes: shown before and after, by field."""
        old, new = settings_row(self.before), settings_row(self.after)
        return {
            name: (str(old[name]), str(new[name])) for name in old if old[name] != new[name] and name != "updated_time"
        }


def parse_values(typed: Mapping[str, str | None]) -> dict[str, int]:
    """Return field values from the texts that were typed; `BadValue` names the option and the text."""
    try:
        return {
            field: BY_FIELD[field].parse(text, BY_FIELD[field].option)
            for field, text in typed.items()
            if text is not None
        }
    except ValueError as error:
        raise BadValue(str(error)) from None


def changes(befores: Iterable[Setup], values: Mapping[str, Any], now: int) -> list[Change]:
    """Return the settings of each of `befores` with `values`, changed at `now` (µs): all of them, or none.

    What is switched on is halted no more. Raises `BadValue`, which names instrument, field and value, of one refused.
    """
    made, reasons = [], []
    if values.get("status") is TradingStatus.ON:
        values = {**values, "halted": False}
    for before in befores:
        instrument, settings = before
        after = before._replace(settings=msgspec.structs.replace(settings, **values))
        reason = _objection(before, after)
        if reason is not None:
            reasons.append(f"{before.key}: {reason}")
        elif after != before:
            made.append(Change(instrument, settings, msgspec.structs.replace(after.settings, updated_time=now)))
    if reasons:
        more = f" (and {len(reasons) - 1} more instruments refused)" if len(reasons) > 1 else ""
        raise BadValue(f"{reasons[0]}{more}")
    return made


def _objection(before: Setup, after: Setup) -> str | None:
    """Why `after` is not written. What the filters refuse already may be switched off, or repaired step by step."""
    try:
        after.settings.check()
    except ValueError as error:
        return str(error)
    reason = never_trades(after)
    return reason if after.settings.status is TradingStatus.ON or never_trades(before) is None else None


def never_trades(setup: Setup) -> str | None:
    """Return why the exchange's filters forbid every order of these (valid) settings; None if they do not."""
    instrument, settings = setup
    share = settings.budget // settings.chunks
    asset = instrument.quote_asset
    text = f"budget: {plain(settings.budget)} in {settings.chunks} chunks is {plain(share)} {asset} a chunk"
    if share < instrument.min_notional:
        return f"{text}, and the exchange takes no order below {plain(instrument.min_notional)} (MIN_NOTIONAL)"
    least_quantity = max(instrument.min_quantity, instrument.step_size)
    least = instrument.min_price * least_quantity
    if share * ONE < least:
        return (
            f"{text}, and the smallest order is {plain(least_quantity)} {instrument.base_asset} "
            f"at {plain(instrument.min_price)} or more (LOT_SIZE, PRICE_FILTER)"
        )
    return None


def refreshed(known: Mapping[str, Instrument], fresh: Iterable[Instrument], now: int) -> list[Instrument]:
    """Return those of `fresh`, which the exchange says at `now` (µs), that are new or not as they are known."""
    return [
        msgspec.structs.replace(instrument, updated_time=now)
        for instrument in fresh
        if not _is_as(known.get(instrument.instrument), instrument)
    ]


def _is_as(known: Instrument | None, fresh: Instrument) -> bool:
    return known is not None and known == msgspec.structs.replace(fresh, updated_time=known.updated_time)


def as_row(setup: Setup) -> dict[str, Any]:
    """Return an instrument with its settings as it is shown; `seeded_time` is when the exchange said the first part."""
    instrument, settings = instrument_row(setup.instrument), settings_row(setup.settings)
    seeded = instrument.pop("updated_time")
    return {**instrument, **settings, "seeded_time": seeded}


def instrument_row(instrument: Instrument) -> dict[str, Any]:
    """Return what the exchange says as it is shown: plain decimals, times as ISO 8601."""
    row = msgspec.structs.asdict(instrument) | {name: plain(getattr(instrument, name)) for name in FILTERS}
    return {"instrument": instrument.instrument, **row, "updated_time": _time(instrument.updated_time)}


def settings_row(settings: Settings) -> dict[str, Any]:
    """Return settings as they are shown: plain decimals, times as ISO 8601."""
    row = msgspec.structs.asdict(settings)
    del row["changed"], row["revision"]  # of a record, and these are settings
    row |= {name: plain(row[name]) for name, parameter in BY_FIELD.items() if parameter.scale == ONE}
    row |= {"status": settings.status.value, "updated_time": _time(settings.updated_time)}
    return {"instrument": settings.instrument, **row}


def _time(micros: int) -> str | None:
    return iso(micros) if micros else None
