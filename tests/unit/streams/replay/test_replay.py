"""The tape that a replay plays: several files by event time, a part of them, an archive; and the pauses between."""

import asyncio
import os
from pathlib import Path

import pytest

from producers.pace import spaced
from producers.recorded.errors import FileError
from producers.recorded.merge import DAY_US
from producers.recorded.rows import from_trades
from producers.source import BadRecord
from schemas.records import Trade
from schemas.times import Between
from streams.archive.day import describe, write_day
from streams.archive.folder import path_of
from streams.replay.tape import Tape, tape_of_files
from tests.samples import trade

XRP, ETH = "binance:XRPUSDT", "binance:ETHUSDT"
START_MS = 1_559_433_601_000


def written(path: Path, ids: list[int]) -> Path:
    """A file of Binance's archive layout; a trade's time is its id in ms after the start."""
    path.write_text("".join(f"{n},0.5,10,5,{START_MS + n},true,true\n" for n in ids))
    return path


def tape(*paths: Path, instruments: list[str] | None = None, between: Between = (None, None)) -> Tape:
    return tape_of_files(paths, instruments, between, lambda *_: None)


def ids(played: Tape) -> list[tuple[str, int]]:
    return [(event.symbol, event.trade_id) for event in played if isinstance(event, Trade)]


def test_files_come_by_event_time_each_in_the_order_of_times(tmp_path: Path) -> None:
    one = written(tmp_path / "XRPUSDT-trades-2019-06-03.csv", [2, 6, 5, 8])
    other = written(tmp_path / "ETHUSDT-trades-2019-06-02.csv", [1, 3, 7])
    in_order = [
        *(("ETHUSDT", 1), ("XRPUSDT", 2), ("ETHUSDT", 3)),
        *(("XRPUSDT", 5), ("XRPUSDT", 6), ("ETHUSDT", 7), ("XRPUSDT", 8)),
    ]
    assert ids(tape(one, other)) == in_order
    written(one, [2, 5, 6, 8])
    assert ids(tape(one, other)) == in_order
    assert ids(tape(tmp_path)) == in_order
    assert ids(tape(tmp_path / "*-trades-2019-06-0?.csv")) == in_order


def test_a_file_that_was_sent_before_the_end_of_the_one_before(tmp_path: Path) -> None:
    """By trade time and id they follow one another; by event time they do not."""
    header = "event_type,event_time,symbol,trade_id,price,quantity,buyer_order_id,seller_order_id,trade_time"
    for name, rows in (("a", [(9, 1, 1), (8, 2, 2)]), ("b", [(3, 3, 3), (4, 4, 4)])):
        lines = [f"trade,{START_MS + sent},XRPUSDT,{n},1,1,,,{START_MS + at},true" for sent, n, at in rows]
        (tmp_path / f"{name}.csv").write_text("\n".join([f"{header},buyer_market_maker", *lines]))
    assert ids(tape(tmp_path / "b.csv", tmp_path / "a.csv")) == [("XRPUSDT", number) for number in (1, 2, 3, 4)]


def test_what_can_be_read_once_only(tmp_path: Path) -> None:
    pipe = tmp_path / "XRPUSDT-pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(FileError, match=r"XRPUSDT-pipe\.csv: is no file that can be read twice"):
        tape(pipe)


def test_what_files_have_in_common_is_played_once(tmp_path: Path) -> None:
    one = written(tmp_path / "XRPUSDT-trades-2019-06-03.csv", [1, 2, 3])
    more = written(tmp_path / "XRPUSDT-trades-2019-06.csv", [4, 3, 2])
    assert ids(tape(one, more)) == [("XRPUSDT", number) for number in (1, 2, 3, 4)]
    written(more, [3, 4])
    assert ids(tape(one, more)) == [("XRPUSDT", number) for number in (1, 2, 3, 4)]
    more.write_text(more.read_text().replace("3,0.5", "3,0.6"))
    with pytest.raises(FileError, match=r"XRPUSDT: trade_id: two trades have 3: .*2019-06-03.csv and .*2019-06.csv"):
        tape(one, more)


def test_a_part_of_a_file_and_what_is_no_trade_of_it(tmp_path: Path) -> None:
    path = written(tmp_path / "XRPUSDT-trades-2019-06-03.csv", [1, 2, 3, 4])
    path.write_text(path.read_text() + "no trade\n")
    at = (START_MS + 2) * 1_000
    part = tape(path, instruments=[XRP], between=(at, at + 2_000))
    found = list(part)
    assert [event.trade_id for event in found if isinstance(event, Trade)] == [2, 3]
    assert [event.raw for event in found if isinstance(event, BadRecord)] == [b"no trade"]
    assert (part.read, part.total) == (5, 5)
    assert list(tape(path, instruments=[ETH])) == [found[-1]]


def test_a_closed_tape_ends(tmp_path: Path) -> None:
    played = tape(written(tmp_path / "XRPUSDT-trades-2019-06-03.csv", [1, 2, 3]))
    events = iter(played)
    next(events)
    played.closed = True
    assert list(events) == []


def archived(folder: Path, trades: list[Trade]) -> Path:
    """An archive that holds these trades of one instrument and one day."""
    day = trades[0].trade_time // DAY_US
    path = path_of(folder, trades[0].instrument, day)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = from_trades(trades)
    write_day(path, describe(rows, trades[0].instrument, path.stem, ["test"]), rows)
    return path


def test_an_archive_gives_the_trades_with_all_their_fields(tmp_path: Path) -> None:
    xrp = [trade("0.5", n, XRP) for n in (1, 3, 5)]
    eth = [trade("200", n, ETH, quantity="99999999999999999999") for n in (2, 4)]
    archived(tmp_path, xrp)
    single = archived(tmp_path, eth)
    copied = tmp_path.parent / f"{tmp_path.name}.parquet"
    copied.write_bytes(single.read_bytes())
    both = sorted([*xrp, *eth], key=lambda found: found.event_time)
    assert list(tape(tmp_path)) == both
    assert list(tape(tmp_path, instruments=[XRP], between=(xrp[1].trade_time, None))) == xrp[1:]
    assert list(tape(single)) == eth
    assert list(tape(single, copied)) == eth
    assert list(tape(copied, tmp_path)) == both
    assert tape(tmp_path).total == len(both)
    assert ids(tape(tmp_path, between=(0, 1))) == []


def test_a_folder_that_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no archive"):
        tape(tmp_path)


def test_a_fixed_pause_between_trades_and_none_before_what_is_no_trade() -> None:
    now = [100.0]
    seen: list[tuple[float, int]] = []

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    async def play() -> None:
        events = iter([trade("1", 1), BadRecord("x", b"", "no trade"), trade("1", 2), trade("1", 3)])
        async for batch in spaced(events, 0.5, lambda: now[0], sleep):
            seen.extend((now[0] - 100, len(batch)) for _ in [batch])

    asyncio.run(play())
    assert now[0] == pytest.approx(101)
    assert seen == [(0, 2), (0.5, 1), (1, 1)]


@pytest.mark.parametrize("interval", [0.0, -1.0])
def test_a_pause_is_above_zero(interval: float) -> None:
    with pytest.raises(ValueError, match=r"interval: .* is not above 0"):
        spaced(iter([]), interval)
