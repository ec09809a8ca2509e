"""Files in any order that repeat and contradict each other give what merging all of their trades in memory gives."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra import mapped
from producers.recorded.blocks import blocks_of
from producers.recorded.errors import FileError
from producers.recorded.layouts import RECORDING
from producers.recorded.merge import DAY_US, Conflict, merged
from producers.recorded.rows import taken
from producers.recorded.unpacked import Part
from schemas.times import Between
from streams.recordings import ranges, spooled, twice
from streams.recordings.files import from_files
from streams.recordings.recording import NoTrades
from tests.samples import INSTRUMENT

START = 1_735_689_600_000_000
HOUR, MILLI = 3_600_000_000, 1_000
SYMBOL = INSTRUMENT.partition(":")[2]


class Traded(NamedTuple):
    """A market trade; what it is depends on its number and its day, so that another day's may be the same or not."""

    number: int
    day: int
    price: int = 0
    """Above the price of other trades with its number and its day: above 0 it contradicts them."""
    later: int = 0
    """µs after their time."""

    @property
    def time(self) -> int:
        return START + self.day * DAY_US + self.number * HOUR // 3 + 7 * self.number + self.later

    @property
    def amount(self) -> int:
        return 1 + self.price + (self.number * (self.day + 1)) % 3


class File(NamedTuple):
    """Trades as a file tells them."""

    kind: str
    """`ms` or `µs`: of the public archive, with times in these; `orders`: a recording, which knows ids of orders."""
    trades: list[Traded]

    def write(self, folder: Path, at: int) -> Path:
        path = folder / f"{SYMBOL}-trades-2025-01-{at + 1:02}.csv"
        path.write_text("".join(f"{line}\n" for line in self._lines()))
        return path

    def _lines(self) -> Iterator[str]:
        if self.kind == "orders":
            yield ",".join(RECORDING)
        for one in self.trades:
            maker, time = one.number % 2 == 0, one.time
            if self.kind == "orders":
                orders = f"{one.number * 10},{one.number * 10 + 1}"
                yield f"trade,{time},{SYMBOL},{one.number},{one.amount},5,{orders},{time},{maker}"
            else:
                told = time if self.kind == "µs" else time // MILLI
                yield f"{one.number},{one.amount},5,{5 * one.amount},{told},{maker},True"


numbers, hours = st.integers(1, 24), st.integers(0, 80)
sound = st.builds(Traded, numbers, st.integers(0, 2), st.just(0), st.just(0))
odd = st.builds(Traded, numbers, st.integers(0, 2), st.integers(0, 1), st.sampled_from((0, 1, MILLI, HOUR, 5 * HOUR)))
kinds = st.sampled_from(("ms", "µs", "orders"))


@st.composite
def files(draw: st.DrawFn) -> list[File]:
    """Some files, many of them of the same trades, with ids of one day or of several, seldom one that contradicts."""
    days = draw(st.sampled_from([(0,), (0, 1), (0, 1, 2)]))
    market = [Traded(number, day) for day in days for number in draw(st.lists(numbers, max_size=24, unique=True))]
    parts = [
        draw(st.lists(st.sampled_from(market), max_size=40)) if market else [] for _ in range(draw(st.integers(0, 3)))
    ]
    whole = [sorted(market, key=lambda one: one.time) for _ in range(draw(st.integers(0, 2)))]
    strange = [draw(st.lists(sound | odd, max_size=3)) for _ in range(draw(st.integers(0, 1)))]
    return [File(draw(kinds), some) for some in draw(st.permutations([*parts, *whole, *strange])) if some]


@contextmanager
def little_at_a_time(rows: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spooled, "HELD", rows * 32)
        patch.setattr(ranges, "AT_ONCE", rows)
        patch.setattr(twice, "MERGED_AT_ONCE", rows)
        patch.setattr(mapped, "PART", rows)
        yield


def in_memory(paths: Sequence[Path], between: Between) -> Any:
    """The columns and the number of repeated trades, or what is wrong."""
    since, until = between
    found = []
    for path in paths:
        for block in blocks_of(Part(path)):
            for _, own in block.by_instrument():
                rows = own.rows()
                times = rows["trade_time"]
                near = (times >= (since or 0) - MILLI) & (times < (until or 2**62) + MILLI)
                found.append((str(path), taken(rows, near)))
    try:
        rows = merged(found)
    except Conflict as conflict:
        return f"{INSTRUMENT}: {conflict}"
    repeated = sum(len(some) for _, some in found) - len(rows)
    rows = taken(rows, (rows["trade_time"] >= (since or 0)) & (rows["trade_time"] < (until or 2**62)))
    names = "trade_id", "trade_time", "price", "quantity_low"
    return ([rows[name].tolist() for name in names], repeated) if len(rows) else NoTrades


def assembled(paths: Sequence[Path], between: Between) -> Any:
    try:
        (found,) = from_files(paths, [INSTRUMENT], between)
    except NoTrades:
        return NoTrades
    except FileError as error:
        return str(error)
    columns = found.ids, found.times, found.prices, found.quantities
    return [column.tolist() for column in columns], found.repeated


@settings(max_examples=400, deadline=None)
@given(files(), st.none() | hours, st.none() | hours, st.integers(2, 9))
@example([File("µs", [Traded(1, 0)]), File("µs", [Traded(1, 1), Traded(2, 0), Traded(2, 1)])], None, None, 2)
def test_as_if_all_were_merged_in_memory(made: list[File], since: int | None, until: int | None, rows: int) -> None:
    begin, end = (None if hour is None else START + hour * HOUR for hour in (since, until))
    with tempfile.TemporaryDirectory() as folder:
        paths = [file.write(Path(folder), at) for at, file in enumerate(made)]
        if not paths:
            return
        expected = in_memory(paths, (begin, end))
        with little_at_a_time(rows):
            assert assembled(paths, (begin, end)) == expected
