"""What the names of recorded files say: whose trades they hold, and whether they hold any."""

import re
import unicodedata
from pathlib import Path

EXCHANGE = "binance"
"""Of which recorded files are."""
PARQUET = ".parquet"
CSV, GZIP, ZIP = ".csv", ".gz", ".zip"
PACKED = (CSV, f"{CSV}{GZIP}", ZIP)

_SYMBOL = re.compile(r"([^\W_]\w{1,31})-")
_OF_TRADES = re.compile(r"\w{2,32}-(trades-)?\d{4}-\d{2}(-\d{2})?\.(csv|csv\.gz|zip)", re.IGNORECASE)


def text_of(path: Path | str) -> str:
    """Return a path as text that can be kept anywhere: bytes of it that are no UTF-8 are written `\\udc..`."""
    return str(path).encode(errors="backslashreplace").decode()


def symbol_in(name: str) -> str | None:
    """Return the symbol that a file's name begins with, as in `XRPUSDT-trades-2025-01-01.zip`; None if it does not."""
    name = unicodedata.normalize("NFC", name)
    match = _SYMBOL.match(name)
    return match[1] if match and match[1] == match[1].upper() else None


def is_packed(name: str) -> bool:
    """Return whether a name ends as files of lines do."""
    return name.lower().endswith(PACKED)


def names_trades(name: str) -> bool:
    """Return whether a name is `SYMBOL-trades-DATE` or `SYMBOL-DATE`, as `.csv`, `.csv.gz` or `.zip`."""
    return symbol_in(name) is not None and bool(_OF_TRADES.fullmatch(unicodedata.normalize("NFC", name)))
