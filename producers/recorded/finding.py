"""Which files are meant: files as they are named, the files of trades below a folder, those that a pattern matches."""

import glob
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from producers.recorded.errors import FileError
from producers.recorded.naming import EXCHANGE, PARQUET, is_packed, names_trades, symbol_in


def files_in(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the files of trades among and below `paths`, each once, and those that by their names hold none.

    A path that is not there may be a pattern, as in `XRPUSDT-trades-2025-*.zip`. Below a folder files of lines are
    named `SYMBOL-trades-DATE` or `SYMBOL-DATE`, those of Parquet anything. `FileError` for a path that is not there,
    for one without any file, and for a folder that cannot be read.
    """
    taken: list[Path] = []
    left: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = sorted(filter(_holds_rows, _files_below(path)))
            of_trades = [file for file in below if _is_of_trades(file)]
            if not of_trades:
                raise FileError(
                    f"{path}: holds no file of trades such as XRPUSDT-trades-2025-01-01.zip, and no archive"
                )
            taken += of_trades
            left += [file for file in below if not _is_of_trades(file)]
        else:
            taken += named(path)
    return list(dict.fromkeys(taken)), left


def is_of_others(path: Path, instruments: Collection[str]) -> bool:
    """Return whether a file by its name holds the trades of none of these instruments; never where there are none."""
    instrument = f"{EXCHANGE}:{symbol_in(path.name)}"
    return bool(instruments) and names_trades(path.name) and instrument not in instruments


def is_archive(path: Path) -> bool:
    """Return whether a path is what `hedgehog archive` writes: a Parquet file, or a folder that holds such."""
    return is_parquet(path) if not path.is_dir() else next(path.rglob(f"*{PARQUET}"), None) is not None


def is_parquet(path: Path) -> bool:
    """Return whether a file is of Parquet, by its name."""
    return path.suffix.lower() == PARQUET


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, and links that lead to none, which whoever reads them will say."""

    def refuse(error: OSError) -> None:
        raise FileError(f"{error.filename}: {error.strerror}")

    for parent, _, names in os.walk(folder, onerror=refuse):
        yield from (file for file in (Path(parent, name) for name in names) if file.is_file() or file.is_symlink())


def _holds_rows(path: Path) -> bool:
    return is_packed(path.name) or is_parquet(path)


def _is_of_trades(path: Path) -> bool:
    return is_parquet(path) or names_trades(path.name)


def named(path: Path) -> list[Path]:
    """Return the file itself, or the files that a pattern matches, by name. Raises `FileError` where there is none."""
    if path.exists():
        return [path]
    with suppress(RuntimeError):  # `~` of nobody is a name as any other
        path = path.expanduser()  # no shell has done it for a quoted pattern
    if glob.has_magic(str(path)):
        matching = sorted(Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file())
        if not matching:
            raise FileError(f"{path}: no file matches")
        return matching
    raise FileError(f"{path}: no such file or folder")
