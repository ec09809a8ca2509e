"""What the market's rules take a trade, without broker and codec: `python -m tests.bench.market_step`.

Simulated trades of one instrument at several rates, 1 % of them late, behind a day with a trade in each minute. They
come in batches of 16, as when many instruments share a partition, and of 2,000, as when one has all of it. Times are
those of the process, so that others on the machine disturb them little.
"""

import time
from collections.abc import Iterator

import msgspec
import numpy as np

from streams.market.checkpoint import Head, Part, rebuild, take_checkpoint
from streams.market.rules import WatchRules
from streams.market.state import MarketState, Trades, new_state
from streams.market.step import apply_trades

INSTRUMENT = "binance:BTCUSDT"
SEED = 7
START_TIME = 1_760_000_000_000_000
SECOND, MINUTE = 1_000_000, 60_000_000
DAY_MINUTES = 1_441
PRICE, TICK = 6_170_214_000_000, 1_000_000
RATES = {1: 30_000, 10: 100_000, 20: 100_000, 50: 300_000, 100: 300_000, 10_000: 300_000}
"""Trades a second, and how many trades are measured."""
BATCHES = (16, 2_000)
LATE, LATE_SECONDS = 100, 30
"""One trade in so many is late, by up to so long."""
RULES = WatchRules()


def columns(times: np.ndarray) -> Trades:
    """Trades at these times, offsets and ids counted from the first."""
    count = len(times)
    chance = np.random.default_rng(SEED)
    price = PRICE + chance.integers(-3, 4, count).cumsum() * TICK
    quantity, maker = chance.integers(1, 10**9, count), chance.integers(0, 2, count)
    numbers = np.arange(count)
    return Trades(numbers, np.array([price, quantity, numbers, times, maker]), numbers, {})


def trades(rate: int) -> Trades:
    """A day with a trade in each minute, and after it so many a second; ids rise with time, late trades come late."""
    count = RATES[rate]
    chance = np.random.default_rng(SEED)
    times = START_TIME + chance.integers(1, 2 * SECOND // rate, count, endpoint=True).cumsum()
    day = START_TIME - MINUTE * np.arange(DAY_MINUTES, 0, -1)
    made = columns(np.concatenate([day, times]))
    late = (chance.integers(0, LATE, count) == 0) * chance.integers(0, LATE_SECONDS * SECOND, count)
    order = np.concatenate([np.arange(DAY_MINUTES), DAY_MINUTES + np.argsort(times + late, kind="stable")])
    return made._replace(columns=np.ascontiguousarray(made.columns[:, order]))


def batches(given: Trades, size: int) -> Iterator[Trades]:
    """The trades in batches of this size."""
    for first in range(0, len(given.rows), size):
        yield given._replace(rows=given.rows[first : first + size])


def step_us(rate: int, size: int) -> float:
    """Microseconds a trade."""
    state, given = new_state(INSTRUMENT), trades(rate)
    apply_trades(state, given._replace(rows=given.rows[:DAY_MINUTES]), RULES)
    parts = list(batches(given._replace(rows=given.rows[DAY_MINUTES:]), size))
    start = time.process_time()
    for part in parts:
        apply_trades(state, part, RULES)
    return (time.process_time() - start) / RATES[rate] * 1e6


def full_state() -> MarketState:
    """A market with a trade in each minute of a day, and in each second of the last minutes."""
    state = new_state(INSTRUMENT)
    given = trades(1)
    apply_trades(state, given._replace(rows=given.rows[: DAY_MINUTES + 600]), RULES)
    return state


def main() -> None:
    """Measure, and print a line each."""
    for rate in RATES:
        for size in BATCHES:
            took = min(step_us(rate, size) for _ in range(3))
            print(f"{rate:6} trades/s, batches of {size:5}: {took:5.2f} µs a trade")
    state = full_state()
    parts = [msgspec.json.encode(part) for part in take_checkpoint(state).parts]
    start = time.process_time()
    head = msgspec.json.encode(take_checkpoint(state))
    took = time.process_time() - start
    print(f"a checkpoint without changed minutes: {len(head):,} bytes, {took * 1e6:.0f} µs")
    decode_head, decode_part = msgspec.json.Decoder(Head).decode, msgspec.json.Decoder(Part).decode
    start = time.process_time()
    rebuild(decode_head(head), [decode_part(part) for part in parts])
    took = time.process_time() - start
    print(f"decoded and rebuilt from {len(parts):,} parts of {sum(map(len, parts)):,} bytes: {took * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
