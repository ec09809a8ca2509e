"""Trades of one instrument, written as lines, and what they make."""

from streams.market.buckets import MarketTrade
from streams.market.rules import WatchRules
from streams.market.state import Made, MarketState, TradeColumns, new_state
from streams.market.step import apply_trades
from tests.samples import units

INSTRUMENT = "test:BTC-USD"
SECOND, MINUTE, DAY = 1_000_000, 60_000_000, 86_400_000_000
START = 20_000 * DAY
DEFAULTS = WatchRules()


def time_of(text: str) -> int:
    """The microseconds of `[DAYS+]HH:MM[:SS]`, from the first day of the tape on."""
    days, _, clock = text.rpartition("+")
    hours, minutes, seconds = [*clock.split(":"), "0"][:3]
    return START + int(days or 0) * DAY + int(hours) * 60 * MINUTE + int(minutes) * MINUTE + units(seconds) // 100


def clock(time: int) -> str:
    """The time of a whole minute as it is written in a tape."""
    days, minutes = divmod((time - START) // MINUTE, 1_440)
    return (f"{days}+" if days else "") + f"{minutes // 60:02d}:{minutes % 60:02d}"


def tape(text: str) -> list[MarketTrade]:
    """The trades of lines `TIME PRICE [xQUANTITY] [#ID] [sold]`: one, bought by the taker, the next id, unless said."""
    return [_trade(i, *line.split()) for i, line in enumerate(filter(None, map(str.strip, text.splitlines())))]


def _trade(offset: int, time: str, price: str, *words: str) -> MarketTrade:
    told = {word[0]: word[1:] for word in words}
    quantity, trade_id = told.get("x", "1"), int(told.get("#", offset + 1))
    return MarketTrade(offset, units(price), units(quantity), trade_id, time_of(time), "sold" in words)


def columns(trades: list[MarketTrade]) -> TradeColumns:
    """The trades as columns."""
    return TradeColumns(*map(list, zip(*trades, strict=True)))


def play(text: str, rules: WatchRules = DEFAULTS) -> tuple[MarketState, Made]:
    """The market after these trades, each in a batch of its own, and what they made."""
    state, made = new_state(INSTRUMENT), Made([], [], [], [])
    for trade in tape(text):
        for column, more in zip(made, apply_trades(state, columns([trade]), rules), strict=True):
            column.extend(more)
    return state, made
