"""The simulated market: a seed is a market, prices and quantities keep the filters, and a grid would trade."""

from itertools import islice

import pytest

from producers.local_exchange.simulated import MARKETS, Market, simulated_trades
from schemas.records import Trade

START = 1_700_000_000_000_000


def first(number: int, seed: int = 7, markets: tuple[Market, ...] = MARKETS) -> list[Trade]:
    return list(islice(simulated_trades(seed, 100, START, markets), number))


def test_the_same_seed_is_the_same_market() -> None:
    assert first(2_000) == first(2_000)
    assert first(2_000)[:500] == first(500)
    assert [t.price for t in first(500, seed=8)] != [t.price for t in first(500)]


def test_a_symbol_does_not_depend_on_the_others() -> None:
    alone = [(t.price, t.quantity) for t in first(500, markets=MARKETS[1:2])]
    among = [(t.price, t.quantity) for t in first(5_000) if t.symbol == MARKETS[1].symbol]
    assert among[:500] == alone


def test_filters_ids_and_times() -> None:
    trades = first(20_000)
    assert {trade.symbol for trade in trades} == {market.symbol for market in MARKETS}
    for market in MARKETS:
        own = [trade for trade in trades if trade.symbol == market.symbol]
        assert all(trade.price % market.tick_size == 0 for trade in own)
        assert all(trade.quantity % market.step_size == 0 and trade.quantity > 0 for trade in own)
        assert [trade.trade_id for trade in own] == list(range(own[0].trade_id, own[0].trade_id + len(own)))
    assert [trade.event_time for trade in trades[:101:50]] == [START, START + 500_000, START + 1_000_000]
    for trade in trades:
        trade.check()


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.symbol)
def test_prices_swing_but_stay_near_home(market: Market) -> None:
    prices = [trade.price for trade in first(50_000, markets=(market,))]
    assert market.price // 2 < min(prices) <= max(prices) < market.price * 2
    swings, low, high, falling = 0, prices[0], prices[0], True
    for price in prices:
        low, high = min(low, price), max(high, price)
        if falling and price > low + low * 6 // 1_000:
            swings, falling, high = swings + 1, False, price
        elif not falling and price < high - high * 6 // 1_000:
            falling, low = True, price
    assert swings > 200, "a grid of six tenths of a percent would hardly trade"


@pytest.mark.parametrize(("rate", "markets", "message"), [(0, MARKETS, "rate: 0"), (1, (), "markets: none")])
def test_arguments(rate: int, markets: tuple[Market, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        next(simulated_trades(1, rate, START, markets))
