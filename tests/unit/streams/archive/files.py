"""Recorded files to archive, and the command that does it."""

import gzip
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec
from typer.testing import CliRunner, Result

from schemas.records import Trade
from schemas.units import plain
from streams.cli.main import app
from tests.samples import trade

HEADER = (
    "event_type,event_time,symbol,trade_id,price,quantity,buyer_order_id,seller_order_id,trade_time,buyer_market_maker"
)
NOON = 1_559_476_800_000_000
"""2019-06-02T12:00:00Z."""
DAY = 86_400_000_000


def hedgehog(*words: object) -> Result:
    return CliRunner().invoke(app, ["archive", *map(str, words)])


def data(*words: object) -> Any:
    result = hedgehog(*words, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def at(number: int, time: int, price: str = "0.43", symbol: str = "XRPUSDT") -> Trade:
    """A trade as recordings have them: milliseconds, order ids, received when it was sent."""
    made = trade(price, number, f"binance:{symbol}")
    known = {"buyer_order_id": number * 2, "seller_order_id": number * 2 + 1}
    return msgspec.structs.replace(made, trade_time=time, event_time=time + 3_000, received_time=time + 3_000, **known)


def recording(path: Path, trades: list[Trade], *more: str) -> Path:
    lines = [
        f"trade,{t.event_time // 1000},{t.symbol},{t.trade_id},{plain(t.price)},{plain(t.quantity)},"
        f"{t.buyer_order_id},{t.seller_order_id},{t.trade_time // 1000},{str(t.buyer_is_maker).lower()}"
        for t in trades
    ]
    text = "\n".join([HEADER, *lines, *more]) + "\n"
    data = text.encode("utf-8", "surrogateescape")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def public(folder: Path, day: str, trades: list[Trade], unit: int = 1_000, header: bool = False) -> Path:
    """A file of Binance's archive with its checksum, in its folders; `unit` is how many µs its times count."""
    symbol = trades[0].symbol
    path = folder / "data/spot/daily/trades" / symbol / f"{symbol}-trades-{day}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch"] if header else []
    lines += [
        f"{t.trade_id},{plain(t.price)},{plain(t.quantity)},0,{t.trade_time // unit},{t.buyer_is_maker},True"
        for t in trades
    ]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{symbol}-trades-{day}.csv", "\n".join(lines) + "\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.CHECKSUM").write_text(f"{digest}  {path.name}\n")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}
