"""Recorded files: both layouts, all containers, every defect named, the pace kept."""

import gzip
import zipfile
from pathlib import Path

import pytest

from producers.recorded.files import FileError, read_events, read_trades
from producers.source import BadRecord
from schemas.records import Trade

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


BAD = {
    "price": (3, "trade,1,X,1,abc,1,,,1,true", "price: 'abc' is not a decimal number"),
    "zero": (3, "trade,1,X,1,0.00000000,1,,,1,true", "price: 0 is not between 0.00000001 and"),
    "too fine": (3, "trade,1,X,1,0.123456789,1,,,1,true", "price: '0.123456789' has more than 8 decimals"),
    "quantity": (3, "trade,1,X,1,1,-1.00000000,,,1,true", "quantity: -1 is not between"),
    "id": (3, "trade,1,X,1.5,1,1,,,1,true", "trade_id: '1.5' is not a whole number"),
    "time": (3, "trade,0,X,1,1,1,,,1,true", "event_time: 0 is not a time"),
    "maker": (3, "trade,1,X,1,1,1,,,1,yes", "buyer_market_maker: 'yes' is neither true nor false"),
    "kind": (3, "quote,1,X,1,1,1,,,1,true", "event_type: 'quote' is not 'trade'"),
    "symbol": (3, "trade,1,,1,1,1,,,1,true", "symbol: '' is empty"),
    "short": (3, "trade,1,X", "3 fields instead of 10"),
    "bytes": (3, "\udcff\udcfe", "1 fields instead of 10"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_named_and_the_others_go_on(tmp_path: Path, case: str) -> None:
    number, line, error = BAD[case]
    path = write(tmp_path / "day.csv", HEADER, ROWS[0], line, ROWS[1])
    first, bad, last = read_events(path)
    assert isinstance(first, Trade)
    assert isinstance(last, Trade)
    assert isinstance(bad, BadRecord)
    assert bad.origin == f"day.csv:{number}"
    assert bad.raw == line.encode("utf-8", "surrogateescape")
    assert error in bad.error
    with pytest.raises(FileError, match=rf"day\.csv:{number}: "):
        list(read_trades(path))


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
