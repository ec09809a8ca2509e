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
from streams.market.state import MarketState, TradeColumns, new_state
from streams.market.step import apply_trades

INSTRUMENT = "binance:BTCUSDT"
SEED = 7
START_TIME = 1_760_000_000_000_000
SECOND, MINUTE = 1_000_000, 60_000_000
DAY_MINUTES = 1_441
PRICE, TICK = 6_170_214_000_000, 1_000_000
RATES = {1: 30_000, 10: 100_000, 100: 300_000, 10_000: 300_000}
"""Trades a second, and how many trades are measured."""
BATCHES = (16, 2_000)
LATE, LATE_SECONDS = 100, 30
"""One trade in so many is late, by up to so long."""
RULES = WatchRules()


def columns(times: np.ndarray) -> TradeColumns:
    """Trades at these times, offsets and ids counted from the first."""
    count = len(times)
    chance = np.random.default_rng(SEED)
    return TradeColumns(
        offset=np.arange(count),
        price=PRICE + chance.integers(-3, 4, count).cumsum() * TICK,
        quantity=chance.integers(1, 10**9, count),
        trade_id=np.arange(count),
        trade_time=times,
        buyer_is_maker=chance.integers(0, 2, count) == 0,
    )


def trades(rate: int) -> TradeColumns:
    """A day with a trade in each minute, and after it so many a second."""
    count = RATES[rate]
    chance = np.random.default_rng(SEED)
    times = START_TIME + chance.integers(1, 2 * SECOND // rate, count, endpoint=True).cumsum()
    late = (chance.integers(0, LATE, count) == 0) * chance.integers(0, LATE_SECONDS * SECOND, count)
    day = START_TIME - MINUTE * np.arange(DAY_MINUTES, 0, -1)
    return columns(np.concatenate([day, times - late]))


def batches(given: TradeColumns, size: int) -> Iterator[TradeColumns]:
    """The trades in batches of this size."""
    for first in range(0, len(given.offset), size):
        yield TradeColumns(*(column[first : first + size] for column in given))


def step_us(rate: int, size: int) -> float:
    """Microseconds a trade."""
    state, given = new_state(INSTRUMENT), trades(rate)
    apply_trades(state, TradeColumns(*(column[:DAY_MINUTES] for column in given)), RULES)
    parts = list(batches(TradeColumns(*(column[DAY_MINUTES:] for column in given)), size))
    start = time.process_time()
    for part in parts:
        apply_trades(state, part, RULES)
    return (time.process_time() - start) / RATES[rate] * 1e6


def full_state() -> MarketState:
    """A market with a trade in each minute of a day, and in each second of the last minutes."""
    state = new_state(INSTRUMENT)
    apply_trades(state, TradeColumns(*(column[: DAY_MINUTES + 600] for column in trades(1))), RULES)
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
