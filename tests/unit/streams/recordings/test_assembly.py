"""Recordings put together from files: the same ones, however little of them is in memory at a time."""

import errno
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from infra import mapped
from producers.recorded.block import Block
from producers.recorded.blocks import blocks_of
from producers.recorded.errors import FileError
from producers.recorded.unpacked import Part
from streams.recordings import files as recorded
from streams.recordings import ranges, spooled, twice
from streams.recordings.files import from_files
from streams.recordings.recording import Recording

DAY, START = 86_400_000, 1_735_689_600_000
SYMBOL = "AAAUSDT"

Lines = list[tuple[int, int, str]]
"""Ids, times in ms and prices."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows at a time are in memory, looked at, sorted."""
    monkeypatch.setattr(spooled, "HELD", 5 * 32)
    monkeypatch.setattr(ranges, "AT_ONCE", 6)
    monkeypatch.setattr(twice, "MERGED_AT_ONCE", 5)
    monkeypatch.setattr(mapped, "PART", 4)


def days(count: int, each: int, first_id: int = 1) -> Lines:
    """So many trades of each of some days, in order."""
    chance = random.Random(count * each)
    times = sorted(START + day * DAY + chance.randrange(DAY) for day in range(count) for _ in range(each))
    return [(first_id + i, at, f"0.{chance.randint(1000, 9999)}") for i, at in enumerate(times)]


def write(path: Path, lines: Lines) -> Path:
    path.write_text("".join(f"{number},{price},5,1,{at},true,true\n" for number, at, price in lines))
    return path


def files(folder: Path, *parts: Lines) -> list[Path]:
    """A file for each part; its name says nothing of its days."""
    folder.mkdir()
    return [write(folder / f"{SYMBOL}-trades-2025-01-{at:02}.csv", part) for at, part in enumerate(parts, 1)]


def whole(paths: list[Path], between: tuple[int | None, int | None] = (None, None)) -> tuple[Any, ...]:
    (recording,) = from_files(paths, [f"binance:{SYMBOL}"], between)
    return columns(recording), recording.repeated, recording.fingerprint, recording.lowest, recording.period


def columns(recording: Recording) -> list[list[int]]:
    return [column.tolist() for column in (recording.ids, recording.times, recording.prices, recording.quantities)]


def shuffled(lines: Lines) -> Lines:
    return random.Random(1).sample(lines, len(lines))


FOUR = days(4, 7)
CASES: dict[str, list[Lines]] = {
    "in order": [FOUR[:9], FOUR[9:]],
    "newest first": [FOUR[::-1]],
    "files in another order": [FOUR[9:], FOUR[:9]],
    "shuffled": [shuffled(FOUR)],
    "twice": [FOUR, FOUR],
    "overlapping": [FOUR[5:], FOUR[:12]],
    "shuffled and twice": [shuffled(FOUR + FOUR[3:11])],
    "ids begin anew": [FOUR, [(number, at + 4 * DAY, "0.1") for number, at, _ in FOUR]],
    "one day": [shuffled(days(1, 30))],
    "one day twice": [shuffled(days(1, 30)), days(1, 30)],
    "an hour": [shuffled([(number, START + number, "0.5") for number in range(1, 30)])],
    "few in years": [[(number, START + number * 400 * DAY, "0.5") for number in (3, 1, 2)]],
}


@pytest.mark.parametrize("case", CASES)
def test_as_if_all_were_in_memory(case: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    paths = files(tmp_path / "files", *CASES[case])
    times = sorted(at * 1_000 for part in CASES[case] for _, at, _ in part)
    middle = times[len(times) // 4], times[3 * len(times) // 4]
    at_once, some = whole(paths), whole(paths, middle)
    request.getfixturevalue("small")
    assert whole(paths) == at_once
    assert whole(paths, middle) == some


def test_each_trade_once_by_time_and_id(tmp_path: Path, small: None) -> None:
    (ids, times, *_), repeated, *_ = whole(files(tmp_path / "a", shuffled(FOUR + FOUR[3:11])))
    assert (ids, repeated) == ([number for number, _, _ in FOUR], 8)
    assert times == [at * 1_000 for _, at, _ in FOUR]


def test_a_trade_that_is_on_two_days_is_refused_though_these_are_sorted_apart(tmp_path: Path, small: None) -> None:
    number, at, price = FOUR[0]
    with pytest.raises(FileError, match=rf"^binance:{SYMBOL}: trade_id: two trades have 1: .* and .*-02\.csv"):
        whole(files(tmp_path / "a", FOUR, [(number, at + 3 * DAY, price)]))


@pytest.mark.parametrize("later", [0, 1, 3_600_000, 20 * 3_600_000])
def test_two_trades_under_one_id_are_refused_however_far_apart(tmp_path: Path, small: None, later: int) -> None:
    lines = [(number, START + number * 3_000_000, "0.5") for number in range(1, 25)]
    number, at, _ = lines[0]
    with pytest.raises(FileError, match=rf"^binance:{SYMBOL}: trade_id: two trades have 1: "):
        whole(files(tmp_path / "a", lines, [(number, at + later, "0.6")]))


def test_a_file_is_read_twice_where_its_trades_repeat_and_else_once(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[str] = Counter()

    def counting(part: Part, instruments: Collection[str] = ()) -> Iterator[Block]:
        read[part.path.name[-6:-4]] += 1
        return blocks_of(part, instruments)

    monkeypatch.setattr(recorded, "blocks_of", counting)
    one, two = days(4, 7), days(2, 5, first_id=29)
    later = [(number, at + 4 * DAY, price) for number, at, price in two]
    whole(files(tmp_path / "a", one[7:], one, shuffled(later), one[21:]))
    assert read == {"01": 2, "02": 2, "03": 1, "04": 2}


def test_ids_that_begin_anew_are_other_trades_however_few_are_looked_at_at_a_time(tmp_path: Path, small: None) -> None:
    one = [(number, START + number * 3_600_000, f"0.{number}") for number in range(1, 9)]
    # under one id there is the same trade by chance, under the others there are different ones
    other = [(number, at + DAY, price if number == 5 else "0.9") for number, at, price in one]
    (ids, times, *_), repeated, *_ = whole(files(tmp_path / "a", one, other, one, other))
    assert (ids, repeated) == ([*range(1, 9), *range(1, 9)], 16)
    assert times == [at * 1_000 for _, at, _ in one + other]


def test_a_file_that_changes_while_it_is_read_twice_is_named(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, reads = files(tmp_path / "a", FOUR, FOUR), count(1)

    def changing(part: Part, instruments: Collection[str] = ()) -> Iterator[Block]:
        if next(reads) == 3:
            for path in paths:
                write(path, FOUR[1:])
        return blocks_of(part, instruments)

    monkeypatch.setattr(recorded, "blocks_of", changing)
    with pytest.raises(FileError, match=r"-01\.csv, .*-02\.csv: is another one when it is read again"):
        whole(paths)


def test_a_recording_is_split_at_a_time(tmp_path: Path, small: None) -> None:
    (recording,) = from_files(files(tmp_path / "a", FOUR), [f"binance:{SYMBOL}"])
    for at in (0, 1, 13, 27):
        before, after = recording.split(int(recording.times[at]))
        assert (len(before), len(after)) == (at, len(FOUR) - at)
    assert [len(part) for part in recording.split(START * 1_000_000)] == [len(FOUR), 0]


def test_temporary_files_end_with_what_they_are_for(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    (recording,) = from_files(files(tmp_path / "a", FOUR), [f"binance:{SYMBOL}"])
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert len(recording) == len(FOUR)


def test_a_full_disk_is_named(tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = files(tmp_path / "a", FOUR)

    def full(*_: object) -> Callable[[], None]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spooled, "temporary_file", full)
    with pytest.raises(OSError, match=r"No space left on device; .*TMPDIR names another folder: '.*tmp") as error:
        from_files(paths, [f"binance:{SYMBOL}"])
    assert error.value.errno == errno.ENOSPC
