"""Recorded files: both layouts, all containers, every defect named, the pace kept."""

import gzip
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.recorded.errors import FileError
from producers.recorded.files import read_events, read_trades
from producers.recorded.layouts import layout_of
from producers.recorded.lines import trade_of
from producers.recorded.unpacked import LINE_BYTES
from producers.source import BadRecord
from schemas.records import Trade
from tests.unit.producers.recorded.bad_lines import BAD_LINES, line

HEADER = (
    "event_type,event_time,symbol,trade_id,price,quantity,buyer_order_id,seller_order_id,trade_time,buyer_market_maker"
)
ROWS = (
    "trade,1559433601351,XRPUSDT,25388799,0.42856000,26.70000000,151732446,151732463,1559433601348,true",
    "trade,1559433604138,XRPUSDT,25388800,0.42860000,457.10000000,,,1559433604135,false",
    "trade,1559433602000,XRPUSDT,25388790,0.4286,1,1,2,1559433604135,true",
)
ARCHIVE_HEADER = "id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch"
ARCHIVE_MS = "1000,0.42856000,26.70000000,11.44255200,1559433601348,True,True"
ARCHIVE_US = "1001,0.42856000,26.70000000,11.44255200,1735689600000123,False,True"

FIRST = Trade(
    exchange="binance",
    symbol="XRPUSDT",
    price=42_856_000,
    quantity=2_670_000_000,
    trade_id=25_388_799,
    trade_time=1_559_433_601_348_000,
    event_time=1_559_433_601_351_000,
    received_time=1_559_433_601_351_000,
    buyer_is_maker=True,
    buyer_order_id=151_732_446,
    seller_order_id=151_732_463,
)


def write(path: Path, *lines: str) -> Path:
    """A file of these lines, packed as its suffix says."""
    data = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("member.csv", data)
    else:
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".zip"])
def test_recordings_keep_the_files_order(tmp_path: Path, suffix: str) -> None:
    trades = list(read_trades(write(tmp_path / f"a{suffix}", HEADER, *ROWS)))
    assert trades[0] == FIRST
    assert (trades[1].buyer_order_id, trades[1].seller_order_id, trades[1].buyer_is_maker) == (None, None, False)
    assert [trade.trade_id for trade in trades] == [25_388_799, 25_388_800, 25_388_790]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".zip"])
@pytest.mark.parametrize("header", [(), (ARCHIVE_HEADER,)])
def test_archive_with_and_without_header_in_ms_and_us(tmp_path: Path, suffix: str, header: tuple[str, ...]) -> None:
    path = write(tmp_path / f"1000SATSUSDT-trades-2025-01-01{suffix}", *header, ARCHIVE_MS, ARCHIVE_US)
    old, new = read_trades(path)
    assert (old.symbol, old.trade_id, old.price, old.quantity) == (
        "1000SATSUSDT",
        1000,
        42_856_000,
        2_670_000_000,
    )
    assert (old.trade_time, new.trade_time) == (1_559_433_601_348_000, 1_735_689_600_000_123)
    assert (old.buyer_is_maker, new.buyer_is_maker) == (True, False)


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_named_and_the_others_go_on(tmp_path: Path, case: str) -> None:
    text, error = BAD_LINES[case]
    path = write(tmp_path / "day.csv", HEADER, ROWS[0], "", text, ROWS[1])
    first, bad, last = read_events(path)
    assert isinstance(first, Trade)
    assert isinstance(last, Trade)
    assert isinstance(bad, BadRecord)
    assert bad.origin == "day.csv:4"
    assert bad.raw == text.encode("utf-8", "surrogateescape")
    assert error in bad.error
    with pytest.raises(FileError, match=r"day\.csv:4: "):
        list(read_trades(path))


def us(second: int) -> int:
    return (1_735_689_600 + second) * 1_000_000


READ_ALIKE = {
    "as it is": "{header}\n{rows}",
    "CRLF": "{header}\r\n{rows_crlf}",
    "a mark": "\ufeff{header}\n{rows}",
    "header repeated": "{header}\n{row}\n{header}\n\ufeff{header}\n{rest}",
    "quoted": '{header}\n"trade","1735689600000","A-B","1","1.5","2.25","7","","1735689600000","true"\n{rest}',
    "another order of columns": (
        "price,quantity,,symbol,trade_id,event_type,event_time,trade_time,seller_order_id,buyer_order_id,"
        "buyer_market_maker\n1.5,2.25,x,A-B,1,trade,1735689600000,1735689600000,,7,True\n"
        "0.00000123,12345678901234567890.5,y,A-B,2,trade,1735689601000,1735689601000,8,,FALSE\n"
    ),
    "exponents": (
        "{header}\ntrade,1735689600000,A-B,1,15e-1,0.225E+01,7,,1735689600000,true\n"
        "trade,1735689601000,A-B,2,1.23e-06,12345678901234567890.5,,8,1735689601000,False\n"
    ),
    "seconds": "{header}\ntrade,1735689600,A-B,1,1.5,2.25,7,,1735689600,true\n{rest}",
    "microseconds": "{header}\ntrade,1735689600000000,A-B,1,1.5,2.25,7,,1735689600000000,true\n{rest}",
    "nanoseconds": "{header}\ntrade,1735689600000000999,A-B,1,1.5,2.25,7,,1735689600000000001,true\n{rest}",
    "no end of the last line": "{header}\n{row}\n{last}",
    "blank lines": "\n\n{header}\n\n{row}\n\n{rest}\n\n",
}


@pytest.mark.parametrize("case", READ_ALIKE)
def test_the_same_trades_however_they_are_written(tmp_path: Path, case: str) -> None:
    row = "trade,1735689600000,A-B,1,1.5,2.25,7,,1735689600000,true"
    last = "trade,1735689601000,A-B,2,0.00000123,12345678901234567890.5,,8,1735689601000,false"
    rows = {"rows": f"{row}\n{last}\n", "rows_crlf": f"{row}\r\n{last}\r\n", "rest": f"{last}\n"}
    path = tmp_path / "a.csv"
    path.write_bytes(READ_ALIKE[case].format(header=HEADER, row=row, last=last, **rows).encode())
    names = ("symbol", "trade_id", "price", "quantity", "trade_time", "event_time")
    assert [tuple(getattr(trade, name) for name in names) for trade in read_trades(path)] == [
        ("A-B", 1, 150_000_000, 225_000_000, us(0), us(0)),
        ("A-B", 2, 123, 1_234_567_890_123_456_789_050_000_000, us(1), us(1)),
    ]
    one, two = read_trades(path)
    assert (one.buyer_is_maker, one.buyer_order_id, one.seller_order_id) == (True, 7, None)
    assert (two.buyer_is_maker, two.buyer_order_id, two.seller_order_id) == (False, None, 8)


def test_layouts_may_change_within_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "XRPUSDT-2019.csv", ARCHIVE_MS, HEADER, ROWS[0], ARCHIVE_HEADER, ARCHIVE_US)
    assert [trade.trade_id for trade in read_trades(path)] == [1000, 25_388_799, 1001]


def test_the_archives_columns_by_their_other_names_and_without_the_last(tmp_path: Path) -> None:
    header, line = ARCHIVE_HEADER.replace("quoteQty", "quote_qty"), ARCHIVE_MS
    short = "id,price,qty,quote_qty,time,is_buyer_maker", ARCHIVE_MS.rpartition(",")[0]
    read = [
        list(read_trades(write(tmp_path / f"XRPUSDT-trades-{number}.csv", *lines)))
        for number, lines in enumerate([(line,), (header, line), short, short[1:]])
    ]
    assert read[1:] == read[:1] * 3


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("币安人生USDT-trades-2026-01-08.zip", "币安人生USDT"),
        ("BTCUSDT_230630-trades-2023-06-01.csv", "BTCUSDT_230630"),
        ("E\u0301USDT-trades-2026-01-08.csv.gz", "\u00c9USDT"),
    ],
)
def test_symbols_of_any_letters(tmp_path: Path, name: str, symbol: str) -> None:
    (trade,) = read_trades(write(tmp_path / name, ARCHIVE_MS))
    assert trade.instrument == f"binance:{symbol}"
    recorded = write(tmp_path / "a.csv", HEADER, *(row.replace("XRPUSDT", symbol) for row in ROWS))
    assert {one.symbol for one in read_trades(recorded)} == {symbol}


def test_the_member_of_a_zip_may_name_the_symbol(tmp_path: Path) -> None:
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for day, line in ((2, ARCHIVE_US), (1, ARCHIVE_MS)):
            archive.writestr(f"XRPUSDT-trades-2025-01-0{day}.csv", line)
        archive.writestr("ETHUSDT-trades-2025-01-01.csv", ARCHIVE_MS + "\nx")
    events = list(read_events(path))
    assert [one.symbol for one in events if isinstance(one, Trade)] == ["ETHUSDT", "XRPUSDT", "XRPUSDT"]
    (bad,) = (event for event in events if isinstance(event, BadRecord))
    assert bad.origin == "download.zip/ETHUSDT-trades-2025-01-01.csv:2"


@pytest.mark.parametrize("size", [LINE_BYTES + 1, 10**7])
def test_an_endless_line_is_cut_and_named(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.csv", HEADER, ROWS[0], "x" * size, ROWS[1])
    first, bad, last = read_events(path)
    assert isinstance(first, Trade)
    assert isinstance(last, Trade)
    assert isinstance(bad, BadRecord)
    assert (bad.origin, bad.raw) == ("a.csv:3", b"x" * 200)
    assert "does not end within 65,536 bytes" in bad.error


def test_more_symbols_than_there_is_room_for(tmp_path: Path) -> None:
    lines = [ROWS[1].replace("XRPUSDT", f"S{number % 6_000}") for number in range(12_000)]
    trades = list(read_trades(write(tmp_path / "a.csv", HEADER, *lines)))
    assert [trade.symbol for trade in trades] == [f"S{number % 6_000}" for number in range(12_000)]


numbers = st.one_of(
    st.from_regex(r"-?[0-9]{0,21}\.?[0-9]{0,11}([eE][+-]?[0-9]{0,3})?", fullmatch=True),
    st.decimals(0, 10**11, places=8).map(str),
    st.floats(1e-9, 1e12).map(repr),
)


@settings(deadline=None, max_examples=400)
@given(st.lists(st.tuples(numbers, numbers, st.integers(0, 2**64).map(str)), min_size=1, max_size=5))
def test_the_compiled_reading_is_that_of_one_line(fields: list[tuple[str, str, str]]) -> None:
    """Whatever is compiled gives the trade or the refusal of `lines.trade_of`."""
    first = line()  # its symbol is known then
    lines = [first, *(line(price=price, quantity=qty, trade_id=n, buyer_order_id=n) for price, qty, n in fields)]
    layout = layout_of(HEADER.split(","))
    assert layout is not None
    expected: list[Trade | str] = []
    for text in lines:
        try:
            expected.append(trade_of(layout, text.split(","), ""))
        except ValueError as error:
            expected.append(str(error))
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.csv", HEADER, *lines)
        assert [event.error if isinstance(event, BadRecord) else event for event in read_events(path)] == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"hello,world\n", "line 1: 'hello,world' is neither a recording"),
        ("trades.csv", ARCHIVE_MS.encode(), "the name does not begin with a symbol"),
        ("a.csv.gz", b"no gzip", "Not a gzipped file"),
        ("a.zip", b"no zip", "File is not a zip file"),
    ],
)
def test_a_file_that_is_no_recording(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        list(read_events(path))


def test_a_cut_gzip_gives_what_it_has_and_then_the_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv.gz", HEADER, *ROWS * 100)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileError, match=r"a\.csv\.gz: "):
        list(read_events(path))


def test_a_missing_file() -> None:
    with pytest.raises(FileError, match="No such file"):
        list(read_events("nowhere.csv"))
