"""The records that the market agent makes of trades, field for field as in `schemas/avro`; units as in `records.py`."""

from schemas.errors import Refused
from schemas.records import Keyed
from schemas.units import AMOUNT_MAX, ONE, PRICE_MAX, VOLUME_MAX, in_range


class Candle(Keyed, kw_only=True, frozen=True):
    """What trades of one instrument did from `open_time` to before `interval` minutes later.

    Of two with the same instrument, interval and open time the one with the higher revision holds.
    """

    interval: int
    open_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    taker_buy_volume: int
    trades: int
    first_trade_id: int
    last_trade_id: int
    revision: int
    complete: bool
    """Whether trades are known from its beginning on."""
    closed: bool

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no such record may have."""
        super().check()
        in_range("low", self.low, 1, PRICE_MAX)
        in_range("high", self.high, self.low, PRICE_MAX)
        in_range("open", self.open, self.low, self.high)
        in_range("close", self.close, self.low, self.high)
        in_range("volume", self.volume, 1, VOLUME_MAX)
        in_range("quote_volume", self.quote_volume, 0, VOLUME_MAX)
        in_range("taker_buy_volume", self.taker_buy_volume, 0, self.volume)


class Alert(Keyed, kw_only=True, frozen=True):
    """Something to be told of one instrument; one with an id that was told before is a repeat."""

    alert_id: str
    kind: str
    direction: str
    price: int
    reference: int
    threshold: int
    value: int
    held_back: int
    settings_offset: int
    event_time: int
    other: str | None = None
    """The instrument whose price it was compared with, if it was one."""

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no alert may have."""
        super().check()
        in_range("price", self.price, 1, PRICE_MAX)
        in_range("reference", self.reference, 1, PRICE_MAX)
        in_range("threshold", self.threshold, 0, ONE)
        in_range("value", self.value, -ONE, AMOUNT_MAX)


class Quote(Keyed, kw_only=True, frozen=True):
    """The last price of one instrument in a second that is over, to be compared with those of other exchanges.

    It brings the rules along, for whoever compares reads records by the pair, and watches are kept by the instrument.
    """

    pair: str
    price: int
    trade_time: int
    apart: int
    """How far from another price it has to be for an alert, as a fraction in 1e-8; 0: nobody asks."""
    cooldown: int
    """For how many seconds of event time no alert follows one of its kind and direction."""
    settings_offset: int

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no quote may have."""
        super().check()
        if not self.pair:
            raise Refused("pair: '' names none")
        in_range("price", self.price, 1, PRICE_MAX)
        in_range("apart", self.apart, 0, ONE - 1)


class Digest(Keyed, kw_only=True, frozen=True):
    """How the market of one instrument stood before `time`; there is one an instrument and time."""

    time: int
    price: int
    average: int
    trades_per_second: int
    open: int
    high: int
    low: int
    volume: int
    quote_volume: int
    trades: int
    covered_since: int
    settings_offset: int

    def check(self) -> None:
        """Raise `Refused` that names the field and the value which no such record may have."""
        super().check()
        in_range("low", self.low, 1, PRICE_MAX)
        in_range("high", self.high, self.low, PRICE_MAX)
        in_range("open", self.open, self.low, self.high)
        in_range("price", self.price, self.low, self.high)
        in_range("average", self.average, 1, PRICE_MAX)
        in_range("trades_per_second", self.trades_per_second, 0, AMOUNT_MAX)
        in_range("volume", self.volume, 1, VOLUME_MAX)
        in_range("quote_volume", self.quote_volume, 0, VOLUME_MAX)
