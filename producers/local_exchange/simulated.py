"""A simulated market: several symbols, seeded, in integers only, so that a seed is a market for ever.

Every symbol's price is a fair value times a deviation. The fair value drifts, is drawn back to where it began and
jumps now and then; the deviation is noise that reverts to zero within some hundred trades. The numbers are chosen
so that a grid strategy with intervals of some tenths of a percent trades often.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import msgspec

from schemas.records import Instrument, Trade
from schemas.units import ONE, to_units

EXCHANGE = "binance"
MILLION = 1_000_000
FIRST_ID = 1_000_001
FINE = 10**6
"""The fair value is kept in so many parts of a unit, or small prices would stick."""

NOISE_PPM = 1_200
"""Largest step of the deviation from one trade to the next; its standard deviation comes to about 0.5 percent."""
REVERSION = 100
"""The deviation loses this part of itself with every trade."""
DRIFT_PPM = 30
HOMESICKNESS = 20_000
"""The fair value goes this part of the way back to its beginning with every trade."""
JUMP_EVERY = 1_500
JUMP_PPM = 8_000


@dataclass(frozen=True)
class Market:
    """One symbol of the simulated market; all numbers in units of 10^-8."""

    symbol: str
    base_asset: str
    price: int
    tick_size: int
    step_size: int
    quote_asset: str = "USDT"
    min_notional: int = 5 * ONE
    exchange: str = EXCHANGE

    def instrument(self) -> Instrument:
        """Return the market as an exchange would describe it."""
        return Instrument(
            exchange=self.exchange,
            symbol=self.symbol,
            base_asset=self.base_asset,
            quote_asset=self.quote_asset,
            tick_size=self.tick_size,
            min_price=self.tick_size,
            max_price=1_000_000 * ONE,
            step_size=self.step_size,
            min_quantity=self.step_size,
            max_quantity=9_000_000_000 * ONE,
            min_notional=self.min_notional,
        )


def _market(symbol: str, price: str, tick: str, step: str) -> Market:
    return Market(
        symbol,
        symbol.removesuffix("USDT"),
        to_units(price, "price"),
        to_units(tick, "tick_size"),
        to_units(step, "step_size"),
    )


MARKETS = (
    _market("XRPUSDT", "0.4318", "0.0001", "1"),
    _market("ETHUSDT", "2481.50", "0.01", "0.0001"),
    _market("BTCUSDT", "61250.00", "0.01", "0.00001"),
    _market("ADAUSDT", "0.34125", "0.00001", "0.1"),
    _market("PEPEUSDT", "0.00001234", "0.00000001", "1"),
)


_DOLLARS_AND_EUROS = {
    ("BTC", "USD"): ("61250.00", "0.01", "0.00000001"),
    ("BTC", "EUR"): ("56480.00", "0.01", "0.00000001"),
    ("ETH", "USD"): ("2481.50", "0.01", "0.00000001"),
    ("ETH", "EUR"): ("2290.10", "0.01", "0.00000001"),
    ("LTC", "USD"): ("84.21", "0.01", "0.00000001"),
    ("LTC", "EUR"): ("77.65", "0.01", "0.00000001"),
}


def _abroad(exchange: str, separator: str) -> tuple[Market, ...]:
    return tuple(
        Market(
            symbol=f"{base}{separator}{quote}",
            base_asset=base,
            quote_asset=quote,
            price=to_units(price, "price"),
            tick_size=to_units(tick, "tick_size"),
            step_size=to_units(step, "step_size"),
            min_notional=ONE if exchange == "coinbase" else 10 * ONE,
            exchange=exchange,
        )
        for (base, quote), (price, tick, step) in _DOLLARS_AND_EUROS.items()
    )


MARKETS_OF = {"binance": MARKETS, "coinbase": _abroad("coinbase", "-"), "bitstamp": _abroad("bitstamp", "")}
"""By exchange."""


def simulated_trades(
    seed: int, rate: int, start_time: int, markets: tuple[Market, ...] = MARKETS, shared_ids: bool = False
) -> Iterator[Trade]:
    """Yield the endless trades of all `markets` together, `rate` a second, the first at `start_time` (microseconds).

    The n-th trade depends on the arguments and n alone; a symbol's prices and quantities depend on the seed and the
    symbol alone, not on which other markets there are. With `shared_ids` ids rise from one trade of any symbol to the
    next.
    """
    if rate < 1:
        raise ValueError(f"rate: {rate} trades a second is below 1")
    if not markets:
        raise ValueError("markets: none given")
    choose = random.Random(f"{seed}:which").getrandbits
    walks = [_Walk(seed, market) for market in markets]
    for number in count():
        walk = walks[choose(24) * len(walks) >> 24]
        trade = walk.next_trade(start_time + number * MILLION // rate)
        yield msgspec.structs.replace(trade, trade_id=FIRST_ID + number) if shared_ids else trade


class _Walk:
    """The random walk of one market."""

    def __init__(self, seed: int, market: Market) -> None:
        self._market = market
        self._bits: Callable[[int], int] = random.Random(f"{seed}:{market.symbol}").getrandbits
        self._home = self._fair = market.price * FINE
        self._deviation = 0
        self._trade_id = FIRST_ID - 1

    def next_trade(self, event_time: int) -> Trade:
        market = self._market
        self._move()
        price = self._fair * (MILLION + self._deviation) // (MILLION * FINE)
        price = max(price - price % market.tick_size, market.tick_size)
        self._trade_id += 1
        return Trade(
            exchange=market.exchange,
            symbol=market.symbol,
            price=price,
            quantity=self._quantity(price),
            trade_id=self._trade_id,
            trade_time=event_time,
            event_time=event_time,
            received_time=event_time,
            buyer_is_maker=bool(self._bits(1)),
        )

    def _move(self) -> None:
        self._deviation += self._between(-NOISE_PPM, NOISE_PPM) - self._deviation // REVERSION
        drift = self._between(-DRIFT_PPM, DRIFT_PPM)
        if self._between(1, JUMP_EVERY) == 1:
            drift += self._between(-JUMP_PPM, JUMP_PPM)
        self._fair += self._fair * drift // MILLION + (self._home - self._fair) // HOMESICKNESS

    def _quantity(self, price: int) -> int:
        """Draw a quantity worth 10 to 2,560 of the quote asset, small ones far more often than large ones."""
        money = self._between(10, 20) * ONE << self._between(0, 7)
        quantity: int = money * ONE // price
        step = self._market.step_size
        return max(quantity - quantity % step, step)

    def _between(self, low: int, high: int) -> int:
        """Draw a whole number from `low` to `high`, both included."""
        drawn: int = self._bits(32) * (high - low + 1) >> 32
        return low + drawn
