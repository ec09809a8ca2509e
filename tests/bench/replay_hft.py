"""The same single trader on hftbacktest: prices from one file, what it ordered to another, its times to stdout.

Runs in an environment of its own (`infra/requirements-bench.lock`); the folder of the project is on the path.
Arguments: the prices (.npy, int64 in 1e-8), the setup (JSON), the orders to write (.npy), how often to run.

Our rule is strict, a BUY is filled below its limit only; theirs fills at the limit too, when the queue before the order
is gone. So orders rest half a tick off, where no trade is. They look at the side that began a trade, we do not: each
trade is two events, of which the strategy's side sees one. Nothing takes time.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hftbacktest as hft
import msgspec
import numpy as np
import numpy.typing as npt

from schemas.records import Setup
from schemas.units import ONE
from streams.trading.rules import Rules, buy_price, buy_quantity, rules_of, sell_price

EVERY_NS = 1_000_000
FOREVER_NS = 10**17
END = 1
BUY, SELL = 0, 1

Prices = npt.NDArray[np.int64]
Order = tuple[int, int, int, int]
"""Side, limit and quantity in 1e-8, and whether it was filled."""


def events_of(prices: Prices) -> npt.NDArray[np.void]:
    """Two events for each trade, one for either side that may have begun it."""
    events = np.zeros(2 * len(prices), hft.event_dtype)
    trade = hft.TRADE_EVENT | hft.EXCH_EVENT
    events["ev"][0::2] = trade | hft.BUY_EVENT
    events["ev"][1::2] = trade | hft.SELL_EVENT | hft.LOCAL_EVENT
    at = (1 + np.arange(len(prices))) * EVERY_NS
    for name in ("exch_ts", "local_ts"):
        events[name][0::2] = events[name][1::2] = at
    for side in (0, 1):
        events["px"][side::2] = prices / ONE
        events["qty"][side::2] = 1.0
    return events


def market_of(events: npt.NDArray[np.void], rules: Rules) -> Any:
    """A fresh run over the events."""
    asset = (
        hft.BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(rules.tick / ONE / 2)
        .lot_size(rules.step / ONE)
    )
    return hft.HashMapMarketDepthBacktest([asset])


def trade(market: Any, prices: Prices, rules: Rules) -> list[Order]:
    """The strategy with one trader: a BUY below the price, a SELL above it once that is filled, and again."""
    made: list[Order] = []
    seen = 0
    while True:
        if market.wait_next_feed(False, FOREVER_NS) == END:
            return made
        if market.current_timestamp <= seen:  # the other event of a trade
            continue
        limit = buy_price(rules, int(prices[market.current_timestamp // EVERY_NS - 1]))
        quantity = buy_quantity(rules, limit)
        if not _filled(market, made, (BUY, limit, quantity), market.submit_buy_order, limit - rules.tick // 2):
            return made
        limit = sell_price(rules, limit)
        if not _filled(market, made, (SELL, limit, quantity), market.submit_sell_order, limit + rules.tick // 2):
            return made
        seen = market.current_timestamp


def _filled(
    market: Any, made: list[Order], order: tuple[int, int, int], submit: Callable[..., int], rests_at: int
) -> bool:
    """Submit an order and wait for its fill; False if the trades end before."""
    number = len(made) + 1
    submit(0, number, rests_at / ONE, order[2] / ONE, hft.GTC, hft.LIMIT, True)
    ended = market.wait_order_response(0, number, FOREVER_NS) == END
    filled = market.orders(0).get(number).status == hft.FILLED
    made.append((*order, int(filled)))
    market.clear_inactive_orders(0)
    return filled and not ended


def main(prices_file: Path, setup_file: Path, orders_file: Path, times: int) -> None:
    """Run `times` over, the first to compile; print the seconds of the others and of the preparation."""
    prices = np.load(prices_file)
    rules = rules_of(*msgspec.json.decode(setup_file.read_bytes(), type=Setup))
    began = time.perf_counter()
    events = events_of(prices)
    prepare_s = time.perf_counter() - began
    runs = []
    made: list[Order] = []
    for _ in range(times + 1):
        market = market_of(events, rules)
        began = time.perf_counter()
        made = trade(market, prices, rules)
        runs.append(time.perf_counter() - began)
        market.close()
    np.save(orders_file, np.array(made, np.int64).reshape(-1, 4))
    print(json.dumps({"prepare_s": prepare_s, "run_s": float(np.median(runs[1:])), "events": len(events)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
