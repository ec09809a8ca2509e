"""Changes of settings, pure: values as typed to exact integers, new settings from old ones, what forbids them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.records import Settings, TradingStatus
from schemas.times import iso
from schemas.units import ONE, plain, to_units
from streams.cli.errors import BadValue

PLAIN_DECIMAL = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
WHOLE_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)

USER_FIELDS = (
    "streaming",
    "status",
    "chunks",
    "budget",
    "buy_down_interval",
    "profit_interval",
    "rebuy_interval",
    "fee",
)
"""What the user decides; everything else comes from the exchange."""

OPTIONS = {
    "chunks": "--chunks",
    "budget": "--budget",
    "buy_down_interval": "--buy-down",
    "profit_interval": "--profit",
    "rebuy_interval": "--rebuy",
    "fee": "--fee",
}
WHOLE = ("chunks",)
DECIMALS = (
    "tick_size",
    "min_price",
    "max_price",
    "step_size",
    "min_quantity",
    "max_quantity",
    "min_notional",
    "budget",
    "buy_down_interval",
    "profit_interval",
    "rebuy_interval",
    "fee",
)


@dataclass(frozen=True)
class Change:
    """Settings of one instrument before and after."""

    before: Settings
    after: Settings

    def fields(self) -> dict[str, tuple[str, str]]:
        """What changes: shown before and after, by field."""
        old, new = as_row(self.before), as_row(self.after)
        return {
            name: (str(old[name]), str(new[name])) for name in old if old[name] != new[name] and name != "updated_time"
        }


def parse_values(typed: Mapping[str, str | None]) -> dict[str, Any]:
    """Field values from the texts of the options that were given; `BadValue` names the option and the text."""
    values: dict[str, Any] = {}
    for field, text in typed.items():
        if text is None:
            continue
        option = OPTIONS[field]
        if field in WHOLE:
            if not WHOLE_NUMBER.fullmatch(text):
                raise BadValue(f"{option}: {text!r} is not a whole number")
            values[field] = int(text)
            continue
        if not PLAIN_DECIMAL.fullmatch(text):
            raise BadValue(f"{option}: {text!r} is not a plain decimal such as 0.0025")
        try:
            values[field] = to_units(text, option)
        except ValueError as error:
            raise BadValue(str(error)) from None
    return values


def changes(befores: Iterable[Settings], values: Mapping[str, Any], now: int) -> list[Change]:
    """Each of `befores` with `values`, changed at `now` (µs): all of them, or none.

    Raises `BadValue`, which names instrument, field and value, when one is refused.
    """
    made, reasons = [], []
    for before in befores:
        after = msgspec.structs.replace(before, **values)
        reason = _objection(before, after)
        if reason is not None:
            reasons.append(f"{after.instrument}: {reason}")
        elif after != before:
            made.append(Change(before, msgspec.structs.replace(after, updated_time=now)))
    if reasons:
        more = f" (and {len(reasons) - 1} more instruments refused)" if len(reasons) > 1 else ""
        raise BadValue(f"{reasons[0]}{more}")
    return made


def _objection(before: Settings, after: Settings) -> str | None:
    """Why `after` is not written. What the filters refuse already may be switched off, or repaired step by step."""
    try:
        after.check()
    except ValueError as error:
        return str(error)
    reason = never_trades(after)
    return reason if after.status is TradingStatus.ON or never_trades(before) is None else None


def never_trades(settings: Settings) -> str | None:
    """Why the exchange's filters forbid every order that these (valid) settings lead to; `None` if they do not."""
    share = settings.budget // settings.chunks
    asset = settings.quote_asset
    text = f"budget: {plain(settings.budget)} in {settings.chunks} chunks is {plain(share)} {asset} a chunk"
    if share < settings.min_notional:
        return f"{text}, and the exchange takes no order below {plain(settings.min_notional)} (MIN_NOTIONAL)"
    least_quantity = max(settings.min_quantity, settings.step_size)
    least = settings.min_price * least_quantity
    if share * ONE < least:
        return (
            f"{text}, and the smallest order is {plain(least_quantity)} {settings.base_asset} "
            f"at {plain(settings.min_price)} or more (LOT_SIZE, PRICE_FILTER)"
        )
    return None


def merged(current: Settings | None, fresh: Settings, now: int) -> Settings:
    """`fresh` from the exchange at `now` (µs) with what the user decided; `current` itself if that is the same."""
    if current is None:
        return msgspec.structs.replace(fresh, updated_time=now)
    kept = {name: getattr(current, name) for name in USER_FIELDS}
    unchanged = msgspec.structs.replace(fresh, **kept, updated_time=current.updated_time)
    return current if unchanged == current else msgspec.structs.replace(unchanged, updated_time=now)


def as_row(settings: Settings) -> dict[str, Any]:
    """The settings as they are shown: plain decimals, times as ISO 8601."""
    row = msgspec.structs.asdict(settings)
    for name in DECIMALS:
        row[name] = plain(row[name])
    row["status"] = settings.status.value
    row["updated_time"] = iso(settings.updated_time) if settings.updated_time else None
    return {"instrument": settings.instrument, **row}
