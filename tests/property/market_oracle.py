"""The market's rules once more, from the definitions and from all trades each time: slow, and with nothing kept."""

from fractions import Fraction
from typing import Any

from schemas.units import ONE
from schemas.watches import AlertKind
from streams.market.alerts import Alert, Direction
from streams.market.buckets import MarketTrade
from streams.market.candles import Candle
from streams.market.day_range import DayRange
from streams.market.digests import Digest
from streams.market.quotes import Quote
from streams.market.rules import WatchRules

INSTRUMENT = "test:BTC-USD"
MINUTE, SECOND, DAY_MINUTES = 60_000_000, 1_000_000, 1_440


def rank(trade: MarketTrade) -> tuple[int, int]:
    return trade.time, trade.trade_id


class NaiveGate:
    """One kind and direction, in fractions."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.ready, self.counted = True, False
        self.told: tuple[int, int] | None = None
        self.held_back = 0

    def show(self, off: Fraction, threshold: Fraction, price: int, now: int, cooldown: int) -> int | None:
        """How many were held back, if this price is told."""
        off = off * self.sign
        if off < threshold / 2:
            self.ready, self.counted = True, False
        further = self.told is not None and self.sign * (Fraction(price, self.told[0]) - 1) > threshold / 2
        if off <= threshold or not (self.ready or further):
            return None
        if self.told is not None and now - self.told[1] < cooldown:
            self.held_back += self.ready and not self.counted
            self.counted = self.counted or self.ready
            return None
        held_back = self.held_back - self.counted
        self.ready, self.counted, self.told, self.held_back = False, False, (price, now), 0
        return held_back


class Oracle:
    """The market of one instrument."""

    def __init__(self, rules: WatchRules) -> None:
        self.rules = rules
        self.accepted: list[MarketTrade] = []
        self.alerts: list[Alert] = []
        self.digests: list[Digest] = []
        self.quotes: list[Quote] = []
        self.too_late: list[int] = []
        self.repeats = 0
        self.gates = {
            (kind, direction): NaiveGate(sign)
            for kind in (AlertKind.OFF_AVERAGE, AlertKind.DAY_RANGE)
            for direction, sign in ((Direction.UP, 1), (Direction.DOWN, -1))
        }

    @property
    def now(self) -> int:
        return max((trade.time for trade in self.accepted), default=0)

    @property
    def covered_since(self) -> int:
        return min(trade.time for trade in self.accepted)

    def apply(self, trade: MarketTrade) -> None:
        if any(trade.trade_id == known.trade_id for known in self.accepted):
            self.repeats += 1
            return
        if self.accepted:
            self._digest(trade)
            self._quote(trade)
        newest = max(self.now, trade.time) // MINUTE
        if trade.time // MINUTE < newest - DAY_MINUTES:
            self.too_late.append(trade.offset)
            return
        before = self.day_range(max(self.now, trade.time))
        self.accepted.append(trade)
        self._judge(trade, before)

    def average(self, now: int) -> Fraction | None:
        """The mean of the last price of each second, carried forward, over 300 seconds."""
        total = size = 0
        newest = now // SECOND
        trades = sorted(self.accepted, key=rank)
        for trade, later in zip(trades, [*trades[1:], None], strict=True):
            until = later.time // SECOND if later else newest + 1
            seconds = max(0, until - max(trade.time // SECOND, newest - 299))
            total += trade.price * seconds
            size += seconds
        return Fraction(total, size) if size else None

    def trades_per_second(self, now: int) -> int:
        start = (now // SECOND - 60) * SECOND
        return sum(start <= trade.time < now // SECOND * SECOND for trade in self.accepted) * ONE // 60

    def day_range(self, now: int) -> DayRange | None:
        start = (now // MINUTE - DAY_MINUTES) * MINUTE
        inside = sorted((trade for trade in self.accepted if start <= trade.time), key=rank)
        if not inside:
            return None
        return DayRange(
            open=inside[0].price,
            high=max(trade.price for trade in inside),
            low=min(trade.price for trade in inside),
            close=inside[-1].price,
            volume=sum(trade.quantity for trade in inside),
            quote_volume=sum(trade.price * trade.quantity // ONE for trade in inside),
            trades=len(inside),
            covered_since=self.covered_since,
        )

    def candles(self) -> dict[tuple[int, int], dict[str, Any]]:
        """By interval and open time, the closed candles, but for their revisions."""
        groups: dict[tuple[int, int], list[MarketTrade]] = {}
        for trade in sorted(self.accepted, key=rank):
            for interval in (1, 5, 15, 60, 240, 1_440):
                open_time = trade.time - trade.time % (interval * MINUTE)
                groups.setdefault((interval, open_time), []).append(trade)
        return {
            key: self._candle(*key, trades)
            for key, trades in groups.items()
            if key[1] + key[0] * MINUTE <= self.now // MINUTE * MINUTE
        }

    def _candle(self, interval: int, open_time: int, trades: list[MarketTrade]) -> dict[str, Any]:
        return {
            "instrument": INSTRUMENT,
            "interval": interval,
            "open_time": open_time,
            "open": trades[0].price,
            "high": max(trade.price for trade in trades),
            "low": min(trade.price for trade in trades),
            "close": trades[-1].price,
            "volume": sum(trade.quantity for trade in trades),
            "quote_volume": sum(trade.price * trade.quantity // ONE for trade in trades),
            "taker_buy_volume": sum(trade.quantity for trade in trades if not trade.buyer_is_maker),
            "trades": len(trades),
            "first_trade_id": trades[0].trade_id,
            "last_trade_id": trades[-1].trade_id,
            "complete": open_time >= self.covered_since,
            "closed": True,
        }

    def _digest(self, trade: MarketTrade) -> None:
        """The digest as of the last due minute after the newest trade and no later than this one."""
        step = self.rules.digest_minutes * MINUTE
        due = trade.time // step * step if step else 0
        if due // MINUTE <= self.now // MINUTE:
            return
        day, average = self.day_range(due), self.average(due)
        if day is not None and average is not None:
            rate = self.trades_per_second(due)
            digest = Digest(INSTRUMENT, due, day.close, int(average), rate, day, self.rules.settings_offset)
            self.digests.append(digest)

    def _quote(self, trade: MarketTrade) -> None:
        """The last price of the newest second, by the trades that have come before one of a later second."""
        second = self.now // SECOND
        if self.rules.pair and trade.time // SECOND > second:
            last = max((each for each in self.accepted if each.time // SECOND == second), key=rank)
            how = self.rules.apart, self.rules.cooldown // SECOND, self.rules.settings_offset
            self.quotes.append(Quote(INSTRUMENT, self.rules.pair, last.price, last.time, *how))

    def _judge(self, trade: MarketTrade, before: DayRange | None) -> None:
        average = self.average(self.now)
        if self.rules.off_average and average is not None and trade.time // SECOND > self.now // SECOND - 300:
            threshold = Fraction(self.rules.deviation, ONE)
            self._show(AlertKind.OFF_AVERAGE, Direction.UP, trade, average, threshold)
            self._show(AlertKind.OFF_AVERAGE, Direction.DOWN, trade, average, threshold)
        is_covered = self.now - self.covered_since >= self.rules.coverage
        if self.rules.day_range and before is not None and is_covered:
            self._show(AlertKind.DAY_RANGE, Direction.UP, trade, Fraction(before.high), Fraction(0))
            self._show(AlertKind.DAY_RANGE, Direction.DOWN, trade, Fraction(before.low), Fraction(0))

    def _show(
        self, kind: AlertKind, direction: Direction, trade: MarketTrade, reference: Fraction, threshold: Fraction
    ) -> None:
        off = trade.price / reference - 1
        gate = self.gates[kind, direction]
        held_back = gate.show(off, threshold, trade.price, self.now, self.rules.cooldown)
        if held_back is not None:
            self.alerts.append(
                Alert(
                    alert_id=f"{INSTRUMENT}:{kind}:{direction}:{trade.offset}",
                    instrument=INSTRUMENT,
                    kind=kind,
                    direction=direction,
                    price=trade.price,
                    event_time=trade.time,
                    reference=int(reference),
                    threshold=int(threshold * ONE),
                    value=int(off * ONE),
                    held_back=held_back,
                    settings_offset=self.rules.settings_offset,
                )
            )


def final(candles: list[Candle]) -> dict[tuple[int, int], dict[str, Any]]:
    """By interval and open time, of all candles with that key the one that holds, without its revision."""
    held: dict[tuple[int, int], Candle] = {}
    for candle in candles:
        key = candle.interval, candle.open_time
        if key not in held or candle.revision >= held[key].revision:
            held[key] = candle
    return {key: {k: v for k, v in candle._asdict().items() if k != "revision"} for key, candle in held.items()}
