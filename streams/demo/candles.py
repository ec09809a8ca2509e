"""The candles that trades make, by polars: an independent reckoning, which knows nothing of the market agent."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from schemas.records import Trade
from schemas.units import ONE
from streams.market.history import INTERVALS

MINUTE = 60_000_000
KEY = ("exchange", "symbol", "interval", "open_time")
FIELDS = (
    *("open", "high", "low", "close", "volume", "quote_volume", "taker_buy_volume", "trades"),
    *("first_trade_id", "last_trade_id", "complete"),
)
"""What is compared: a candle that was revised has the same of them as one that was not."""

Candles = dict[tuple[Any, ...], dict[str, Any]]
"""By `KEY`, the `FIELDS`: prices and volumes in 1e-8, times in microseconds since the epoch, UTC."""


def candles_of(trades: Iterable[Trade]) -> Candles:
    """Return every candle that a later trade of its instrument has closed; trades that come twice count once."""
    rows = [
        (t.exchange, t.symbol, t.trade_id, t.trade_time, t.price, t.quantity, t.buyer_is_maker)
        for t in {(t.exchange, t.symbol, t.trade_id): t for t in trades}.values()
    ]
    if not rows:
        return {}
    names = ("exchange", "symbol", "trade_id", "trade_time", "price", "quantity", "buyer_is_maker")
    # a price times a quantity does not fit into 64 bits
    wide = (pl.col(name).cast(pl.Int128) for name in ("price", "quantity"))
    table = (
        pl.DataFrame(rows, names, orient="row", infer_schema_length=None)
        .with_columns(*wide, pl.col("trade_time").cast(pl.Datetime("us")).alias("open_time"))
        .sort("exchange", "symbol", "trade_time", "trade_id")
    )
    found: Candles = {}
    for interval in INTERVALS:
        for row in _candles(table, interval).iter_rows(named=True):
            found[tuple(row[name] for name in KEY)] = {name: row[name] for name in FIELDS}
    return found


def _candles(table: pl.DataFrame, interval: int) -> pl.DataFrame:
    instrument = ["exchange", "symbol"]
    spans = table.group_by(instrument).agg(pl.min("trade_time").alias("since"), pl.max("trade_time").alias("until"))
    return (
        table.group_by_dynamic("open_time", every=f"{interval}m", closed="left", group_by=instrument)
        .agg(
            open=pl.first("price"),
            high=pl.max("price"),
            low=pl.min("price"),
            close=pl.last("price"),
            volume=pl.sum("quantity"),
            quote_volume=(pl.col("price") * pl.col("quantity") // ONE).sum(),
            taker_buy_volume=pl.col("quantity").filter(~pl.col("buyer_is_maker")).sum(),
            trades=pl.len(),
            first_trade_id=pl.first("trade_id"),
            last_trade_id=pl.last("trade_id"),
        )
        .with_columns(pl.col("open_time").cast(pl.Int64), interval=pl.lit(interval))
        .join(spans, on=instrument)
        .filter(pl.col("open_time") + interval * MINUTE <= pl.col("until"))
        .with_columns(complete=pl.col("since") <= pl.col("open_time"))
    )
