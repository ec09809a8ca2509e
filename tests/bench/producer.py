"""How fast the producers encode and publish, to the last acknowledgement."""

import time

from producers.encode import TradeEncoder
from producers.publisher import Publisher
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.topics import TRADES
from tests.bench.world import world


def producer_trades_per_s(trades: list[Trade]) -> float:
    """Trades a second: encode, publish, all acknowledged by the broker."""
    with world("producer") as w:
        encode = TradeEncoder(make_codec(w.config, Trade))
        keys = {trade.symbol: trade.instrument for trade in trades}
        publisher = Publisher(w.config)
        publisher.connect()
        begin = time.monotonic()
        for trade in trades:
            publisher.publish(TRADES, keys[trade.symbol], encode(trade))
        publisher.flush()
        return len(trades) / (time.monotonic() - begin)
