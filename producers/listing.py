"""What an exchange lists, as instruments: had from its REST server or a saved answer of it, the odd ones left out.

One symbol that cannot be traded or written costs no other its facts: it is left out by name, with the reason.
"""

import gzip
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import msgspec

from producers.numbers import UNREADABLE
from producers.websocket import is_loopback
from schemas.records import Instrument
from schemas.symbols import check_symbol
from schemas.units import AMOUNT_MAX, PRICE_MAX, to_units

TIMEOUT_S = 30.0
SHOWN = 200
"""Characters of an answer's body that are told."""
Row = TypeVar("Row")


class ListingError(ValueError):
    """A list of symbols that cannot be had or read; the message names the source and what is wrong."""


class LeftOut(NamedTuple):
    """A symbol that is not taken, and why."""

    instrument: str
    reason: str


class Listing(NamedTuple):
    """What an exchange lists, in its order."""

    instruments: list[Instrument]
    left_out: list[LeftOut]


@dataclass(frozen=True)
class Lister:
    """How the symbols of an exchange are had: `GET path`, and what reads the answer."""

    exchange: str
    path: str
    parse: Callable[[bytes], Listing]

    def ask(self, rest_url: str) -> Listing:
        """Return what the REST server at `rest_url` lists. Raises `ListingError`."""
        url = rest_url.rstrip("/") + self.path
        return self._read(url, _fetch(url))

    def open(self, path: Path) -> Listing:
        """Return what a saved answer lists, `.gz` or not. Raises `ListingError`."""
        try:
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix.lower() == ".gz" else data
        except (OSError, EOFError, zlib.error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise ListingError(f"{path}: {reason}") from error
        return self._read(str(path), data.removeprefix(BOM_UTF8))

    def _read(self, source: str, payload: bytes) -> Listing:
        try:
            return self.parse(payload)
        except UNREADABLE as error:
            raise ListingError(f"{source}: {error}") from error


def _fetch(url: str) -> bytes:
    try:
        response = httpx.get(url, timeout=TIMEOUT_S, follow_redirects=True, trust_env=not is_loopback(url))
    except httpx.HTTPError as error:
        raise ListingError(f"{url}: {error or type(error).__name__}") from error
    if response.status_code != httpx.codes.OK:
        wait = response.headers.get("Retry-After")
        again = f"; it asks to wait: {wait}" if wait else ""
        raise ListingError(f"{url}: HTTP {response.status_code}: {response.text[:SHOWN]}{again}")
    return response.content


def taken(
    exchange: str, name_field: str, rows: Iterable[msgspec.Raw], kind: type[Row], of: Callable[[Row], Instrument]
) -> Listing:
    """Return the instruments that `of` makes of each row, read as `kind`; a row that is odd is left out by its name."""
    listing = Listing([], [])
    seen: set[str] = set()
    for number, raw in enumerate(rows):
        name = _name(raw, name_field) or f"row {number + 1}"
        try:
            instrument = of(msgspec.json.decode(raw, type=kind))
            instrument.check()
            check_symbol(instrument.symbol)
            if instrument.symbol in seen:
                raise ValueError("it is listed twice")
        except UNREADABLE as error:
            listing.left_out.append(LeftOut(f"{exchange}:{name}", str(error)))
        else:
            seen.add(instrument.symbol)
            listing.instruments.append(instrument)
    return listing


def _name(raw: msgspec.Raw, field: str) -> str:
    try:
        row: Any = msgspec.json.decode(raw)
    except UNREADABLE:
        return ""
    name = row.get(field) if isinstance(row, dict) else None
    return name if isinstance(name, str) else ""


def amount(text: str | None, name: str) -> int:
    """Return units of 10^-8. Raises `ValueError`, with `name`, for what is missing, negative or no decimal."""
    if text is None:
        raise ValueError(f"{name} is missing")
    units = to_units(text, name)
    if units < 0:
        raise ValueError(f"{name}: {text!r} is negative")
    return units


def price_limit(text: str | None, name: str) -> int:
    """Return the highest price, 0 where there is none: one that the wire cannot hold limits nothing."""
    units = amount(text, name)
    return 0 if units > PRICE_MAX else units


def quantity_limit(text: str | None, name: str) -> int:
    """Return the highest quantity: one that the wire cannot hold limits nothing, and neither does 0."""
    return min(amount(text, name), AMOUNT_MAX) or AMOUNT_MAX
