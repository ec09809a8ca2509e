"""A steady load of trades on a dozen instruments that trade all the time."""

import random
import threading
import time
from functools import partial
from itertools import count

from confluent_kafka import Message

from infra.config import Config
from producers import settings_topic
from producers.publisher import Publisher
from schemas import topics
from schemas.records import Instrument, Settings, Setup, Trade, TradingStatus
from schemas.registry import make_codec
from schemas.units import ONE, to_units

SYMBOLS = [f"S{number:02d}USDT" for number in range(12)]
RATE = 2_000
"""Trades a second, all instruments together."""


def lively(symbol: str) -> Setup:
    """An instrument and settings that let every small move of the price cause orders."""
    instrument = Instrument(
        exchange="sim",
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        tick_size=to_units("0.0001", "tick_size"),
        step_size=to_units("0.1", "step_size"),
    )
    settings = Settings(
        exchange="sim",
        symbol=symbol,
        status=TradingStatus.ON,
        chunks=5,
        budget=1_000 * ONE,
        buy_down_interval=to_units("0.0005", "buy_down_interval"),
        profit_interval=to_units("-0.0012", "profit_interval"),
        rebuy_interval=to_units("0.001", "rebuy_interval"),
    )
    return Setup(instrument, settings)


class Load:
    """Publishes random walks in a thread from entering the context until leaving it."""

    def __init__(self, config: Config, seed: int, rate: int = RATE) -> None:
        self._config = config
        self._rate = rate
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.published = 0
        self.acknowledged: set[int] = set()
        """The ids of the trades of which a broker has said that it has them."""

    def __enter__(self) -> "Load":
        settings_topic.write(self._config, [record for symbol in SYMBOLS for record in lively(symbol)])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        codec = make_codec(self._config, Trade)
        prices = dict.fromkeys(SYMBOLS, ONE)
        start = time.monotonic()
        with Publisher(self._config) as publisher:
            for number in count():
                if self._stop.wait(max(0.0, start + number / self._rate - time.monotonic())):
                    break
                symbol = self._random.choice(SYMBOLS)
                prices[symbol] = max(ONE // 100, prices[symbol] + self._random.randint(-40, 40) * 1_000)
                moment = 1_700_000_000_000_000 + number * 500
                trade = Trade(
                    exchange="sim",
                    symbol=symbol,
                    price=prices[symbol],
                    quantity=ONE,
                    trade_id=number,
                    trade_time=moment,
                    event_time=moment,
                    received_time=moment,
                    buyer_is_maker=True,
                )
                noted = partial(self._note, number)
                publisher.publish(topics.TRADES, trade.instrument, codec.encode(trade), noted)
                self.published += 1

    def _note(self, trade_id: int, _: Message) -> None:
        self.acknowledged.add(trade_id)
