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

from connectors.provision import provision
from infra.errors import StackError
from infra.stack import Stack, to_stderr
from schemas.records import Order, Trade
from schemas.registry import make_codec
from schemas.topics import FILLS, ORDERS
from tests.bench import audited, dashboard, files, market_agent, replay_rows, report
from tests.bench.compared import QUIX_PYTHON, Compared
from tests.bench.filling import EXCHANGE_TRADES_PER_S, fill_trades_per_s
from tests.bench.latency import EVERY, RATE, bare, markets_traded, offered_trades, through_worker
from tests.bench.market import FALL, FALLING, LOOP, encode, instruments, laps, setups_of, trades_at_rest, trades_of
from tests.bench.market_agent import OTHERS, MarketAgent
from tests.bench.notified import refused_notifier
from tests.bench.process import Ended
from tests.bench.producer import producer_trades_per_s
from tests.bench.replay import DAY
from tests.bench.replay_rows import Replay
from tests.bench.report import Row
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
SCALE_TRADES, SCALE_TIMES = 400_000, 4
SINK_TRADES = 300_000
FILLED = 100_000

Values = dict[str, list[float]]


class Bench:
    """The data of all parts, made once, and what the repetitions measured."""

    def __init__(self, recorded: files.Files) -> None:
        to_stderr("bench: making the trades")
        self.recorded = recorded
        self.codec = make_codec(stack_config(), Trade)
        self.markets = instruments(INSTRUMENTS)
        self.trades = trades_of(self.markets, WORKER_TRADES)
        self.loop = encode(laps(self.trades, WORKER_TIMES), self.codec)
        falling = trades_of(self.markets, COMPARED_TRADES, FALL)
        self.stock_until = falling[STOCK_TRADES - 1].trade_time
        self.falling = encode(falling, self.codec)
        self.scale = {count: self._scaled(count) for count in SCALE}
        self.latency_markets = markets_traded()
        self.offered = offered_trades(self.latency_markets)
        self.market = MarketAgent(self.markets, self.loop, self.codec)
        self.replay = Replay(self.markets, self.loop)
        self.values: Values = defaultdict(list)
        to_stderr("bench: warming up Kafka Connect")
        sink_rows_per_s(self.trades[:SINK_TRADES])

    def _scaled(self, count: int) -> Encoded:
        return encode(laps(trades_at_rest(instruments(count), SCALE_TRADES), SCALE_TIMES), self.codec)

    def repeat(self) -> None:
        """One repetition of everything."""
        for part in (self._worker, self._compared, self._latency, self._producer, self._cost):
            part()
        self.note("sink_rows_per_s", sink_rows_per_s(self.trades[:SINK_TRADES]))
        self.market.repeat(self.note)
        self.replay.repeat(self.note)
        self.recorded.repeat(self.note)

    def note(self, key: str, value: float) -> None:
        """Keep a figure and say it."""
        self.values[key].append(value)
        to_stderr(f"bench: {key} {value:,.2f}")

    def _worker(self) -> None:
        with world("worker") as w:
            run = run_worker(w, setups_of(self.markets, **LOOP), self.loop, agents=OTHERS)
            self.note("worker_trades_per_s", run.per_s)
            self.note("worker_cpu_us_per_trade", run.cpu_us)
            self.note("worker_orders", len(read_topic(w.config, ORDERS)))
            self.note("worker_fills", len(read_topic(w.config, FILLS)))

    def _compared(self) -> None:
        compared = Compared(setups_of(self.markets, **FALLING))
        ours, orders = compared.batches(self.falling)
        quix, quix_orders = compared.quix(self.falling)
        stock, stock_orders = compared.stock_faust(self.falling[:STOCK_TRADES])
        _require_same("Quix Streams", orders, quix_orders)
        _require_same("Faust", {order for order in orders if order.created_time <= self.stock_until}, stock_orders)
        self.note("compared_orders", len(orders))
        self.note("compared_worker_trades_per_s", ours.per_s)
        self.note("compared_quix_trades_per_s", quix.per_s)
        self.note("compared_faust_trades_per_s", stock.per_s)
        self.note("compared_worker_cpu_us", ours.cpu_us)
        self.note("compared_quix_cpu_us", quix.cpu_us)
        self.note("compared_faust_cpu_us", stock.cpu_us)
        self.note("worker_vs_quix", ours.per_s / quix.per_s)
        self.note("worker_vs_faust", ours.per_s / stock.per_s)

    def _latency(self) -> None:
        alone = bare(self.offered)
        ours = through_worker(self.latency_markets, self.offered)
        self.note("bare_p50_ms", alone.p50_ms)
        self.note("bare_p99_ms", alone.p99_ms)
        self.note("latency_p50_ms", ours.p50_ms)
        self.note("latency_p99_ms", ours.p99_ms)
        self.note("latency_orders", ours.answers)
        self.note("latency_p99_vs_bare", ours.p99_ms / alone.p99_ms)
        beside = through_worker(self.latency_markets, self.offered, refused_notifier)
        self.note("latency_notifier_p99_ms", beside.p99_ms)
        self.note("latency_notifier_ratio", beside.p99_ms / ours.p99_ms)

    def _producer(self) -> None:
        self.note("producer_trades_per_s", producer_trades_per_s(self.trades))
        self.note("fill_trades_per_s", fill_trades_per_s(FILLED))

    def _cost(self) -> None:
        for count, trades in self.scale.items():
            with world(f"scale{count}") as w:
                setups = setups_of(instruments(count), **LOOP)
                run = run_worker(w, setups, trades, opening=trades[:count], agents=OTHERS)
            self.note(_cost_key(count), run.cpu_us)

    def medians(self) -> dict[str, float]:
        """The median of every figure over the repetitions, and the growth of the cost."""
        found = {key: statistics.median(values) for key, values in self.values.items()}
        grown = found[_cost_key(SCALE[-1])] / found[_cost_key(SCALE[0])]
        return {**found, "cost_per_trade_1500_vs_1": grown}


def rows() -> list[Row]:
    """The table: every figure with its unit and what it has to be."""
    job = f"{COMPARED_TRADES:,} trades of {INSTRUMENTS} instruments, trading agent only"
    costs = [
        Row(_cost_key(count), "µs", f"CPU time of the worker, {count:,} instruments, their orders at rest")
        for count in SCALE
    ]
    return [
        Row("worker_trades_per_s", "", "one worker process, trading agent and mock exchange", at_least=100_000),
        Row("worker_cpu_us_per_trade", "µs", f"its CPU time, {WORKER_TRADES * WORKER_TIMES:,} trades"),
        Row("worker_orders", "", "order snapshots it wrote"),
        Row("worker_fills", "", "fills it wrote"),
        Row("worker_vs_quix", "x", "worker by Quix Streams, the compared job", at_least=2),
        Row("worker_vs_faust", "x", "worker by Faust as it comes, the compared job"),
        Row("compared_worker_trades_per_s", "", f"worker: {job}"),
        Row("compared_quix_trades_per_s", "", "Quix Streams: the same"),
        Row("compared_faust_trades_per_s", "", f"Faust as it comes: the first {STOCK_TRADES:,} of them"),
        Row("compared_worker_cpu_us", "µs", "CPU time a trade: worker"),
        Row("compared_quix_cpu_us", "µs", "Quix Streams"),
        Row("compared_faust_cpu_us", "µs", "Faust as it comes"),
        Row("compared_orders", "", "orders that all sides made, the same ones"),
        Row("latency_p50_ms", "ms", f"trade to order at {RATE:,} trades/s, one in {EVERY} causes an order"),
        Row("latency_p99_ms", "ms", "the same"),
        Row("latency_orders", "", "orders waited for in a repetition"),
        Row("bare_p50_ms", "ms", "a bare produce and consume at the same rate"),
        Row("bare_p99_ms", "ms", "the same"),
        Row("latency_p99_vs_bare", "x", "trade to order by bare, p99", at_most=3),
        Row("latency_notifier_p99_ms", "ms", "trade to order beside a notifier that Telegram refuses with 429"),
        Row("latency_notifier_ratio", "x", "the same by trade to order without it, p99", at_most=1.5),
        Row("sink_rows_per_s", "", f"{SINK_TRADES:,} trades, Kafka Connect into PostgreSQL", at_least=50_000),
        Row("producer_trades_per_s", "", f"{WORKER_TRADES:,} trades encoded, published, acknowledged"),
        Row("fill_trades_per_s", "", f"a hole of {FILLED:,} trades; Binance allows {EXCHANGE_TRADES_PER_S:,}"),
        *costs,
        Row("cost_per_trade_1500_vs_1", "x", "the last by the first"),
        *market_agent.rows(),
        *audited.rows(),
        *replay_rows.rows(DAY.exists()),
        *files.rows(),
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
    "Kafka Connect is warm: its virtual machine has compiled what is hot in a pass before the first repetition.",
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
        provision(stack.config, to_stderr)
        with files.files() as recorded:
            bench = Bench(recorded)
            for number in range(REPETITIONS):
                to_stderr(f"bench: repetition {number + 1} of {REPETITIONS}")
                bench.repeat()
            looked_at = dashboard.measure(bench.codec, bench.note)
            audited.measure(bench.markets, bench.trades, bench.codec, bench.note, audited.TIMES)
        medians = bench.medians()
    finally:
        stack.down()
        stack.clean()
    minutes = (time.monotonic() - begin) / 60
    ended = f"Medians of {REPETITIONS} interleaved repetitions; {minutes:.1f} minutes."
    shown = [*rows(), *(dashboard.rows() if looked_at else [])]
    report.show(head, shown, medians, [*NOTES, *replay_rows.NOTES, ended])
    report.write(BUILD / "bench.json", medians, {"repetitions": REPETITIONS, "machine": head.replace("\n", "; ")})
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
