"""The trades of the benchmark: the project's simulated market, as many instruments as asked for."""

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from producers.encode import TradeEncoder
from producers.local_exchange.simulated import EXCHANGE, MARKETS, Market, simulated_trades
from schemas.codec import Codec
from schemas.records import Instrument, Settings, Setup, Trade, TradingStatus
from schemas.units import ONE
from tests.bench.world import Encoded

SEED = 7
START_TIME = 1_760_000_000_000_000
RATE = 1_000

# The settings under which the recorded days beside the design order most often, a little wider.
LOOP = {"chunks": 5, "buy_down_interval": 100_000, "profit_interval": 0, "rebuy_interval": 300_000}
# Without an exchange that fills, an order comes of a price that is lower than any before: one a rebuy.
FALL = 15_000_000
FALLING = {"chunks": 20, "buy_down_interval": 100_000, "profit_interval": 0, "rebuy_interval": 700_000}


def instruments(count: int) -> tuple[Market, ...]:
    """So many markets, with the prices, ticks and steps of the simulated ones by turns."""
    made = []
    for i in range(count):
        model = MARKETS[i % len(MARKETS)]
        made.append(Market(f"B{i:04d}USDT", f"B{i:04d}", model.price, model.tick_size, model.step_size, min_notional=0))
    return tuple(made)


def setups_of(markets: tuple[Market, ...], **terms: int) -> list[Setup]:
    """These markets with trading on, under these terms."""
    return [setup_of(market.instrument(), **{"budget": 1_000 * ONE, **terms}) for market in markets]


def setup_of(instrument: Instrument, **terms: int) -> Setup:
    """An instrument with trading on, under these terms."""
    on = Settings(exchange=instrument.exchange, symbol=instrument.symbol, status=TradingStatus.ON)
    return Setup(instrument, msgspec.structs.replace(on, **terms))


def trades_of(markets: tuple[Market, ...], count: int, fall: int = 0) -> list[Trade]:
    """`count` trades of all these markets; prices fall by the fraction `fall` (of 1e-8) from first to last."""
    trades = list(islice(simulated_trades(SEED, RATE, START_TIME, markets), count))
    if not fall:
        return trades
    ticks = {market.symbol: market.tick_size for market in markets}
    return [
        msgspec.structs.replace(trade, price=max(1, lower // ticks[trade.symbol]) * ticks[trade.symbol])
        for i, trade in enumerate(trades)
        for lower in [trade.price - trade.price * fall // ONE * i // count]
    ]


def trades_at_rest(markets: tuple[Market, ...], count: int) -> list[Trade]:
    """`count` trades of all these markets by turns, at one price each: what a leader orders at the first one rests."""
    return [trade_at_rest(markets[i % len(markets)], i) for i in range(count)]


def trade_at_rest(market: Market, number: int) -> Trade:
    """The trade of this number, of so many a second, at the market's own price."""
    at = START_TIME + number * 1_000_000 // RATE
    return Trade(
        exchange=EXCHANGE,
        symbol=market.symbol,
        price=market.price,
        quantity=ONE,
        trade_id=number + 1,
        trade_time=at,
        event_time=at,
        received_time=at,
        buyer_is_maker=False,
    )


def laps(trades: list[Trade], times: int) -> Iterator[Trade]:
    """The same prices over and over, each lap later and with higher ids: a trade that comes again moves nothing."""
    ids = max(trade.trade_id for trade in trades) + 1
    span = trades[-1].trade_time - trades[0].trade_time + 1_000
    for lap in range(times):
        for trade in trades:
            later = {name: getattr(trade, name) + lap * span for name in ("trade_time", "event_time", "received_time")}
            yield msgspec.structs.replace(trade, trade_id=trade.trade_id + lap * ids, **later)


def encode(trades: Iterable[Trade], codec: Codec[Trade]) -> Encoded:
    """The records of these trades as the producers write them."""
    encoder, keys = TradeEncoder(codec), {}
    encoded = []
    for trade in trades:
        key = keys.setdefault(trade.symbol, trade.instrument)
        encoded.append((key, encoder(trade)))
    return encoded
