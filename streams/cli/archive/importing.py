"""`hedgehog archive import`: recorded files into an archive."""

from pathlib import Path

from producers.recorded.finding import files_in
from streams.archive.source import file_blocks
from streams.cli.archive.options import ImportFiles
from streams.cli.archive.stored import show_days, store_sources
from streams.cli.instruments.symbols import keys_of
from streams.cli.output import Output


def import_files(asked: ImportFiles, out: Output) -> None:
    """Store the trades of the files, and show the days that they have trades of; `CliError` names the bad files."""

    def read(path: Path, summed: bool) -> None:
        out.progress(f"reading {path}{' (checksum verified)' if summed else ''}…")

    files, left = files_in(asked.paths)
    for path in left:
        out.note(f"left out, by its name no file of trades: {path}")
    bad: list[str] = []
    days = store_sources(asked.folder, file_blocks(files, keys_of(asked.symbols or ()), read), bad)
    show_days(out, days, asked, bad, {"left_out_files": [str(path) for path in left]})
