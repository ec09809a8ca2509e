"""`make bench`: measures the pipeline on a stack of its own and prints what it found.

Every repetition runs all parts once, in turn, so that what disturbs the machine disturbs all of them; a figure is the
median of the repetitions, a ratio the median of the ratios within each. Exit status: 0 measured, whatever the
thresholds say; 1 something broke; 130 interrupted.
"""

import signal
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from types import FrameType

from infra.errors import StackError
from infra.stack import Stack, to_stderr
from schemas.records import Order, Trade
from schemas.registry import make_codec
from schemas.topics import FILLS, ORDERS
from tests.bench import report
from tests.bench.compared import QUIX_PYTHON, Compared
from tests.bench.latency import RATE, SECONDS, bare, through_worker, wave
from tests.bench.market import FALL, FALLING, LOOP, encode, instruments, settings_of, trades_of
from tests.bench.process import Ended
from tests.bench.producer import producer_trades_per_s
from tests.bench.report import Figure, at_least, at_most
from tests.bench.sink import sink_rows_per_s
from tests.bench.worker_job import run_worker
from tests.bench.world import BUILD, Encoded, read_topic, stack_config, world

REPETITIONS = 3
INSTRUMENTS = 20
WORKER_TRADES, WORKER_TIMES = 500_000, 4
COMPARED_TRADES = 1_000_000
STOCK_TRADES = 60_000
"""The first of them: Faust as it comes would take minutes for all."""
SCALE = (1, 100, 1_500)
SCALE_TRADES, SCALE_TIMES = 400_000, 2
SINK_TRADES = 300_000

Values = dict[str, list[float]]


class Bench:
    """The data of all parts, made once, and what the repetitions measured."""

    def __init__(self) -> None:
        to_stderr("bench: making the trades")
        self.codec = make_codec(stack_config(), Trade)
        self.markets = instruments(INSTRUMENTS)
        self.trades = trades_of(self.markets, WORKER_TRADES)
        self.loop = encode(self.trades, self.codec)
        falling = trades_of(self.markets, COMPARED_TRADES, FALL)
        self.stock_until = falling[STOCK_TRADES - 1].trade_time
        self.falling = encode(falling, self.codec)
        self.scale = {count: self._scaled(count) for count in SCALE}
        self.wave = wave(self.markets, RATE * SECONDS)
        self.values: Values = defaultdict(list)

    def _scaled(self, count: int) -> Encoded:
        return encode(trades_of(instruments(count), SCALE_TRADES), self.codec)

    def repeat(self, number: int) -> None:
        """One repetition of everything."""
        for part in (self._worker, self._compared, self._latency, self._producer, self._cost):
            part()
        self._note("sink_rows_per_s", sink_rows_per_s(self.trades[:SINK_TRADES], number))

    def _note(self, key: str, value: float) -> None:
        self.values[key].append(value)
        to_stderr(f"bench: {key} {value:,.2f}")

    def _worker(self) -> None:
        with world("worker") as w:
            run = run_worker(w, settings_of(self.markets, **LOOP), self.loop, WORKER_TIMES)
            self._note("worker_trades_per_s", run.per_s)
            self._note("worker_cpu_us_per_trade", run.cpu_us)
            self._note("worker_orders", len(read_topic(w.config, ORDERS)))
            self._note("worker_fills", len(read_topic(w.config, FILLS)))

    def _compared(self) -> None:
        compared = Compared(settings_of(self.markets, **FALLING))
        ours, orders = compared.batches(self.falling, 1)
        quix, quix_orders = compared.quix(self.falling)
        stock, stock_orders = compared.stock_faust(self.falling[:STOCK_TRADES])
        _require_same("Quix Streams", orders, quix_orders)
        _require_same("Faust", {order for order in orders if order.created_time <= self.stock_until}, stock_orders)
        self._note("compared_orders", len(orders))
        self._note("compared_worker_trades_per_s", ours.per_s)
        self._note("compared_quix_trades_per_s", quix.per_s)
        self._note("compared_faust_trades_per_s", stock.per_s)
        self._note("compared_worker_cpu_us", ours.cpu_us)
        self._note("compared_quix_cpu_us", quix.cpu_us)
        self._note("compared_faust_cpu_us", stock.cpu_us)
        self._note("worker_vs_quix", ours.per_s / quix.per_s)
        self._note("worker_vs_faust", ours.per_s / stock.per_s)

    def _latency(self) -> None:
        alone = bare(self.wave)
        ours = through_worker(self.markets, self.wave)
        self._note("bare_p50_ms", alone.p50_ms)
        self._note("bare_p99_ms", alone.p99_ms)
        self._note("latency_p50_ms", ours.p50_ms)
        self._note("latency_p99_ms", ours.p99_ms)
        self._note("latency_orders", ours.answers)
        self._note("latency_p99_vs_bare", ours.p99_ms / alone.p99_ms)

    def _producer(self) -> None:
        self._note("producer_trades_per_s", producer_trades_per_s(self.trades))

    def _cost(self) -> None:
        for count, trades in self.scale.items():
            with world(f"scale{count}") as w:
                run = run_worker(w, settings_of(instruments(count), **LOOP), trades, SCALE_TIMES)
            self._note(_cost_key(count), run.cpu_us)

    def figures(self) -> list[Figure]:
        """The medians, in the order of the table."""
        m = {key: statistics.median(values) for key, values in self.values.items()}
        costs = [_cost_key(count) for count in SCALE]
        total = WORKER_TRADES * WORKER_TIMES
        job = (
            f"trading agent only, {COMPARED_TRADES:,} trades of {INSTRUMENTS} instruments, the same orders on all sides"
        )
        return [
            at_least(
                "worker_trades_per_s",
                m["worker_trades_per_s"],
                100_000,
                f"one worker process, trading and mock exchange, {total:,} trades of {INSTRUMENTS} instruments, "
                f"{m['worker_orders']:,.0f} order snapshots and {m['worker_fills']:,.0f} fills",
            ),
            report.plain("worker_cpu_us_per_trade", m["worker_cpu_us_per_trade"], "its CPU time", "µs"),
            at_least("worker_vs_quix", m["worker_vs_quix"], 2, "the worker by Quix Streams, both below", "x"),
            report.plain("worker_vs_faust", m["worker_vs_faust"], "the worker by Faust as it comes, both below", "x"),
            report.plain("compared_worker_trades_per_s", m["compared_worker_trades_per_s"], f"worker: {job}"),
            report.plain("compared_quix_trades_per_s", m["compared_quix_trades_per_s"], "Quix Streams: the same"),
            report.plain(
                "compared_faust_trades_per_s",
                m["compared_faust_trades_per_s"],
                f"Faust as it comes: the first {STOCK_TRADES:,} of these trades",
            ),
            report.plain("compared_worker_cpu_us", m["compared_worker_cpu_us"], "CPU time a trade: worker", "µs"),
            report.plain("compared_quix_cpu_us", m["compared_quix_cpu_us"], "Quix Streams", "µs"),
            report.plain("compared_faust_cpu_us", m["compared_faust_cpu_us"], "Faust as it comes", "µs"),
            report.plain("compared_orders", m["compared_orders"], "orders that all sides made, the same ones"),
            report.plain("latency_p50_ms", m["latency_p50_ms"], f"trade to order at {RATE:,} trades/s", "ms"),
            report.plain(
                "latency_p99_ms",
                m["latency_p99_ms"],
                f"the same, over {m['latency_orders']:,.0f} orders a repetition that a trade caused",
                "ms",
            ),
            report.plain("bare_p50_ms", m["bare_p50_ms"], "a bare produce and consume at the same rate", "ms"),
            report.plain("bare_p99_ms", m["bare_p99_ms"], "the same", "ms"),
            at_most("latency_p99_vs_bare", m["latency_p99_vs_bare"], 5, "trade to order by bare, p99", "x"),
            at_least(
                "sink_rows_per_s",
                m["sink_rows_per_s"],
                30_000,
                f"{SINK_TRADES:,} trades through Kafka Connect into PostgreSQL",
            ),
            report.plain(
                "producer_trades_per_s",
                m["producer_trades_per_s"],
                f"{WORKER_TRADES:,} trades encoded, published and acknowledged",
            ),
            *(report.plain(key, m[key], "CPU time of the whole worker", "µs") for key in costs),
            report.plain(
                "cost_per_trade_1500_vs_1", m[costs[-1]] / m[costs[0]], f"{SCALE[-1]:,} instruments by one", "x"
            ),
        ]


def _cost_key(instruments: int) -> str:
    return f"cost_per_trade_us_{instruments}_instrument{'s' if instruments > 1 else ''}"


def _require_same(name: str, ours: set[Order], theirs: set[Order]) -> None:
    if ours != theirs:
        raise RuntimeError(
            f"{name} decided {len(theirs)} orders, the worker {len(ours)}: "
            f"{len(ours - theirs)} missing, {len(theirs - ours)} others; not the same job"
        )


NOTES = [
    "The compared job: decode a trade, the strategy with its state per instrument, orders to their topic, the state",
    "stored when it changed; commits once a second. The mock exchange is left out on all three sides: in a loop of",
    "fills and orders their number depends on the speed. So all sides made the same orders, and that was checked.",
    "The worker waits for the broker's acknowledgement of a state before it sends the order; the others do not.",
    "Rates are counted from the first committed offset that is seen to the last one.",
]


def main() -> int:
    """Measure everything and report."""
    signal.signal(signal.SIGTERM, _interrupt)
    begin = time.monotonic()
    quix = subprocess.run(
        [QUIX_PYTHON, "-c", "from importlib.metadata import version as v; print(v('quixstreams'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    head = report.machine(quix)
    stack = Stack(stack_config())
    try:
        stack.up()
        bench = Bench()
        for number in range(REPETITIONS):
            to_stderr(f"bench: repetition {number + 1} of {REPETITIONS}")
            bench.repeat(number)
        figures = bench.figures()
    finally:
        stack.down()
        stack.clean()
    minutes = (time.monotonic() - begin) / 60
    ended = f"Medians of {REPETITIONS} interleaved repetitions; {minutes:.1f} minutes."
    report.show(head, figures, [*NOTES, ended])
    report.write(BUILD / "bench.json", figures, {"repetitions": REPETITIONS, "machine": head.replace("\n", "; ")})
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (StackError, Ended) as error:
        sys.exit(f"bench: {error}")
