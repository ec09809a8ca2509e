"""One file of the archive: the trades of one instrument on one UTC day, and a manifest that says what it holds.

The file is Parquet. The manifest is JSON in its metadata under `hedgehog.manifest`; under `hedgehog.sha256` is the
SHA-256 of that JSON followed by the bytes of all rows, so that any change of either shows. Nothing in a file depends
on when or in how many steps it was written: the same trades from the same sources give the same bytes.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from infra.mapped import parts
from producers.recorded.errors import FileError
from producers.recorded.merge import DAY_US, Gap, gaps, shown
from producers.recorded.rows import ORDER_IDS, TIMES, Rows
from schemas.symbols import GLOBAL_IDS, split_instrument
from streams.archive.rows import SCHEMA, from_table, to_table

SUFFIX = ".parquet"
MANIFEST, DIGEST = b"hedgehog.manifest", b"hedgehog.sha256"
GAPS_KEPT = 1_000
"""So many gaps are in a manifest; the others are in its sums."""
ROW_GROUP = 1 << 20
FORMAT: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["exchange", "symbol", "price", "quantity"],
    "column_encoding": dict.fromkeys(("trade_id", *TIMES, *ORDER_IDS), "DELTA_BINARY_PACKED"),
    "store_decimal_as_integer": True,
    "write_page_checksum": True,
    # Arrow's own schema says nothing that the types of Parquet do not
    "store_schema": False,
}
UNWRITTEN = ".unwritten-"
"""What the name of a file begins with until it is whole."""
_EPOCH = date(1970, 1, 1)


class ArchiveError(FileError):
    """A file or folder that is no archive, or a damaged one; the message names it and what is wrong."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the file of one day holds. Times in µs since the epoch, UTC; `missing` ids in all gaps together."""

    exchange: str
    symbol: str
    day: str
    rows: int
    first_id: int
    last_id: int
    first_time: int
    last_time: int
    gaps: int
    missing: int
    gap_ranges: list[Gap]
    sources: list[str]
    version: int = 1

    @property
    def instrument(self) -> str:
        """`exchange:SYMBOL`."""
        return f"{self.exchange}:{self.symbol}"


def day_number(day: str) -> int:
    """Return the days from the epoch to an ISO date."""
    return (date.fromisoformat(day) - _EPOCH).days


def day_name(number: int) -> str:
    """Return the ISO date so many days after the epoch."""
    return (_EPOCH + timedelta(days=number)).isoformat()


def today() -> int:
    """Return the number of the day that is not over yet."""
    return (datetime.now(UTC).date() - _EPOCH).days


def describe(rows: Rows, instrument: str, day: str, sources: Iterable[str]) -> Manifest:
    """Return the manifest of a day's merged rows; there is at least one."""
    exchange, symbol = split_instrument(instrument)
    missing = known_gaps(rows, exchange)
    return Manifest(
        exchange=exchange,
        symbol=symbol,
        day=day,
        rows=len(rows),
        first_id=int(rows["trade_id"].min()),
        last_id=int(rows["trade_id"].max()),
        first_time=int(rows["trade_time"][0]),
        last_time=int(rows["trade_time"][-1]),
        gaps=len(missing),
        missing=sum(last - first + 1 for first, last in missing),
        gap_ranges=missing[:GAPS_KEPT],
        sources=sorted(set(sources)),
    )


def known_gaps(rows: Rows, exchange: str) -> list[Gap]:
    """Return the ids that are missing among a day's rows, none where ids do not tell."""
    return [] if exchange in GLOBAL_IDS else gaps(rows)


def write_day(path: Path, manifest: Manifest, rows: Rows) -> None:
    """Write the file under another name, to the disk, and rename it: it is there whole, or as it was before."""
    text = msgspec.json.encode(manifest)
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=UNWRITTEN, delete=False) as file:
        unwritten = Path(file.name)
        try:
            with pq.ParquetWriter(file, SCHEMA, **FORMAT) as writer:
                for (group,) in parts(rows, size=ROW_GROUP):
                    table = to_table(group, manifest.exchange, manifest.symbol)
                    writer.write_table(table, row_group_size=ROW_GROUP)
                writer.add_key_value_metadata({MANIFEST: text, DIGEST: _digest(text, rows)})
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
            unwritten.replace(path)
        except BaseException:
            unwritten.unlink(missing_ok=True)
            raise
    _settle(path.parent)


def read_day(path: Path) -> tuple[Manifest, Rows]:
    """Return all of a file. Raises `ArchiveError` for what is no day of an archive or is not what was written."""
    with _opened(path) as file:
        manifest, text, digest = _manifest(path, file)
        rows = from_table(_columns(path, file, SCHEMA.names))
    if _digest(text, rows) != digest:
        raise ArchiveError(f"{path}: rows or manifest are not what was written: the SHA-256 is another one")
    return manifest, rows


def is_day(path: Path) -> bool:
    """Return whether a file was written as a day of an archive; what it holds is another matter."""
    try:
        return MANIFEST in (pq.read_metadata(path).metadata or {})
    except (OSError, pa.ArrowException):
        return False


def read_manifest(path: Path) -> Manifest:
    """Return what a file says that it holds. Raises `ArchiveError`."""
    with _opened(path) as file:
        return _manifest(path, file)[0]


def read_columns(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    """Yield some columns of a file, a group of rows at a time, not compared with its digest. Raises `ArchiveError`."""
    with _opened(path) as file:
        _manifest(path, file)
        for group in range(file.num_row_groups):
            yield _columns(path, file, columns, group)


def content(rows: Rows) -> str:
    """Return what the rows themselves say against being one day of an archive in its order; empty if nothing does."""
    if not len(rows):
        return "it has no rows"
    days = rows["trade_time"] // DAY_US
    if days.min() != days.max():
        return f"it has trades of {day_name(int(days.min()))} and of {day_name(int(days.max()))}"
    ids, times = rows["trade_id"], rows["trade_time"]
    order = np.sort(ids)
    twice = np.flatnonzero(np.diff(order) == 0)
    if len(twice):
        one = rows[ids == order[twice[0]]]
        return f"trade_id: {order[twice[0]]} is there {len(one)} times: {'; '.join(map(shown, one[:2]))}"
    later = (np.diff(times) < 0) | ((np.diff(times) == 0) & (np.diff(ids) < 0))
    if later.any():
        at = int(np.flatnonzero(later)[0])
        return f"trade_id: {ids[at + 1]} comes after {ids[at]}, which is the later trade"
    return ""


def _opened(path: Path) -> Any:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise ArchiveError(f"{path}: {error}") from None


def _columns(path: Path, file: Any, columns: list[str], group: int | None = None) -> pa.Table:
    try:
        return file.read(columns=columns) if group is None else file.read_row_group(group, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise ArchiveError(f"{path}: {error}") from None


def _manifest(path: Path, file: Any) -> tuple[Manifest, bytes, bytes]:
    """Return the manifest, its text and the digest."""
    schema, metadata = file.schema_arrow, file.metadata.metadata or {}
    if MANIFEST not in metadata or DIGEST not in metadata:
        raise ArchiveError(f"{path}: was not written by hedgehog archive: it has no manifest")
    if not schema.equals(SCHEMA):
        raise ArchiveError(f"{path}: {_difference(schema)}")
    try:
        manifest = msgspec.json.decode(metadata[MANIFEST], type=Manifest)
    except msgspec.MsgspecError as error:
        raise ArchiveError(f"{path}: manifest: {error}") from None
    return manifest, metadata[MANIFEST], metadata[DIGEST]


def _difference(schema: pa.Schema) -> str:
    for expected in SCHEMA:
        at = schema.get_field_index(expected.name)
        if at < 0 or schema.field(at) != expected:
            found = "missing" if at < 0 else f"{schema.field(at).type}, nullable: {schema.field(at).nullable}"
            return f"{expected.name}: {found}, instead of {expected.type}, nullable: {expected.nullable}"
    return f"the columns are {', '.join(schema.names)} instead of {', '.join(SCHEMA.names)}"


def _digest(text: bytes, rows: Rows) -> bytes:
    digest = hashlib.sha256(text)
    digest.update(np.ascontiguousarray(rows).view(np.uint8).data)
    return digest.hexdigest().encode()


def _settle(folder: Path) -> None:
    """Have the disk keep what was renamed in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
