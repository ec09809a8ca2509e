"""From a file to a report: the whole command, its start included, on a zip of Binance's layout and on an archive.

Beside it a process of Arrow that reads the same zip and does nothing with it.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from streams.archive.rows import PRICE, QUANTITY, decimals
from tests.bench.replay import BLOCK, SEED, timed, walk
from tests.bench.report import Row

FEW, MANY = 1_000_000, 10_000_000
START = 1_735_689_600_000_000
SETTINGS = (
    *("--symbol", "XRPUSDT", "--tick", "0.00001", "--step", "0.1"),
    *("--budget", "1000", "--buy-down", "0.0025", "--profit", "0.001"),
)
HEDGEHOG = (sys.executable, "-m", "streams.cli.main")
ARROW = """
import sys, zipfile
import pyarrow.csv
with zipfile.ZipFile(sys.argv[1]) as archive, archive.open(archive.namelist()[0]) as data:
    read = pyarrow.csv.ReadOptions(autogenerate_column_names=True, block_size=8 << 20)
    print(sum(len(batch) for batch in pyarrow.csv.open_csv(data, read_options=read)))
"""

Note = Callable[[str, float], None]


class Files:
    """The files, made once for all repetitions, in a folder that ends with them."""

    def __init__(self, folder: Path) -> None:
        self._few = _zipped(folder / "XRPUSDT-trades-2025-01-01.zip", FEW)
        self._many = _zipped(folder / "XRPUSDT-trades-2025-01.zip", MANY)
        self._archive = folder / "archive"
        _hedgehog("archive", "import", str(self._many), "--out", str(self._archive))

    def repeat(self, note: Note) -> None:
        """One repetition."""
        note("file_zip_1m_s", _backtest(self._few, FEW)[0])
        zipped, _ = _backtest(self._many, MANY)
        note("file_zip_10m_s", zipped)
        note("file_zip_trades_per_s", MANY / zipped)
        parquet, peak = _backtest(self._archive, MANY)
        note("file_parquet_10m_s", parquet)
        note("file_parquet_peak_mib", peak)
        note("file_parquet_trades_per_s", MANY / parquet)
        bare, counted = timed(lambda: _run([sys.executable, "-c", ARROW, str(self._many)]))
        if int(counted) != MANY:
            raise RuntimeError(f"Arrow read {counted} lines of {MANY}")
        note("file_zip_arrow_s", bare)
        note("file_zip_vs_read", bare / zipped)


@contextmanager
def files() -> Iterator[Files]:
    """Make the files, and remove them at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-files-") as folder:
        yield Files(Path(folder))


def rows() -> list[Row]:
    """The table's rows."""
    return [
        Row("file_zip_1m_s", "s", f"backtest run of a zip, {FEW:,} trades, the whole command", at_most=2.5),
        Row("file_zip_10m_s", "s", f"the same, {MANY:,} trades", at_most=12),
        Row("file_zip_trades_per_s", "", "that as a rate"),
        Row("file_parquet_10m_s", "s", "the same trades from an archive", at_most=3),
        Row("file_parquet_trades_per_s", "", "that as a rate"),
        Row("file_parquet_peak_mib", "MiB", "memory of that command at the peak"),
        Row("file_zip_arrow_s", "s", "a process in which Arrow reads that zip and nothing else"),
        Row("file_zip_vs_read", "x", "that by the whole command on the zip", at_least=0.5),
    ]


def _backtest(path: Path, trades: int) -> tuple[float, float]:
    """Seconds of a command, from its start to its end, and the most memory that it took, in MiB."""
    words = ["backtest", "run", "--file", str(path), *SETTINGS, "--json"]
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as shown:
        command = subprocess.Popen([*HEDGEHOG, *words], stdout=shown, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(command.pid, 0)
        seconds = time.perf_counter() - began
        command.returncode = os.waitstatus_to_exitcode(status)
        shown.seek(0)
        found = json.load(shown)["trades"] if not command.returncode else None
    if found != trades:
        raise RuntimeError(f"{path}: {found} trades of {trades}, exit code {command.returncode}")
    return seconds, used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _hedgehog(*words: str) -> str:
    return _run([*HEDGEHOG, *words])


def _run(argv: Sequence[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def _zipped(path: Path, count: int) -> Path:
    """Write so many trades as Binance does."""
    prices, chance = walk(count), np.random.default_rng(SEED)
    name = f"{path.stem}.csv"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as lines,
    ):
        for first in range(0, count, BLOCK):
            lines.write(_lines(first, prices[first : first + BLOCK], chance))
    return path


def _lines(first: int, prices: np.ndarray, chance: np.random.Generator) -> bytes:
    ids = np.arange(first, first + len(prices))
    amounts = 10_000_000 * chance.integers(1, 100_000, len(prices))
    price, quantity = _text(prices, PRICE), _text(amounts, QUANTITY)
    maker = pc.if_else(pa.array(chance.integers(0, 2, len(prices)) > 0), "True", "False")
    best = pa.repeat("True", len(prices))
    table = pa.table([ids, price, quantity, quantity, START + 8_000 * ids, maker, best], names=list("abcdefg"))
    written = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    pyarrow.csv.write_csv(table, written, options)
    return written.getvalue()


def _text(units: np.ndarray, kind: pa.DataType) -> pa.Array:
    return decimals(units.astype(np.uint64), np.zeros(len(units), np.int64), kind).cast(pa.string())


def main() -> None:
    """Measure the files alone, three times."""
    with files() as made:
        for _ in range(3):
            made.repeat(lambda key, value: print(f"{key} {value:,.2f}", flush=True))


if __name__ == "__main__":
    main()
