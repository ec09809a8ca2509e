"""How long `hedgehog explain` and `hedgehog audit` take over a full topic: whole commands, as somebody types them.

`python -m tests.bench.audited [LAPS]` measures these two alone, over so many laps of half a million trades.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import httpx

from connectors.provision import provision
from infra.stack import Stack, to_stderr
from producers.local_exchange.simulated import Market
from schemas.codec import Codec
from schemas.records import Order, Trade
from schemas.registry import make_codec
from schemas.topics import ORDERS, TRADES
from tests.bench.dashboard import PORT, until_ready
from tests.bench.market import LOOP, encode, instruments, laps, setups_of, trades_of
from tests.bench.process import WORKER, running, work_off
from tests.bench.report import Row
from tests.bench.worker_job import progress_of, settle
from tests.bench.world import Encoded, World, fill_trades, read_topic, stack_config, world

HEDGEHOG = str(Path(sys.executable).with_name("hedgehog"))
COUNT, TIMES = 500_000, 20
INSTRUMENTS = 20
WITHIN_S = 300

Note = Callable[[str, float], None]


def measure(markets: Sequence[Market], trades: list[Trade], codec: Codec[Trade], note: Note, times: int) -> None:
    """Let a worker work off the trades, so many times over; audit it, explain the first, a middle, the last order."""
    with world("audited") as w:
        settle(w, setups_of(tuple(markets), **LOOP), WORKER, [])
        total = sum(fill_trades(w, part) for part in _parts(trades, codec, times))
        with running(w, WORKER) as process:
            work_off(process, progress_of(w, TRADES.full_name(w.config)), total)
        (seconds, cpu_s), found = _command(w, "audit", "--all")
        if found["differences"] or found["trades"] != total:
            raise RuntimeError(f"the audit found {found['differences']} in {found['trades']:,} of {total:,} trades")
        note("audit_trades_per_s", total / seconds)
        note("audit_cpu_s", cpu_s)
        note("audit_again_s", _command(w, "audit")[0].seconds)
        orders = _orders(w)
        took = [_command(w, "explain", name)[0] for name in orders]
        note("explain_s", max(each.seconds for each in took))
        note("explain_cpu_s", max(each.cpu_s for each in took))
        note("dashboard_why_s", max(_why(w, orders)))


def rows() -> list[Row]:
    """The rows of the table."""
    of = f"of {COUNT * TIMES:,} trades of {INSTRUMENTS} instruments"
    return [
        Row("explain_s", "s", f"hedgehog explain of an order, the slowest of three, {of}", at_most=2),
        Row("audit_trades_per_s", "", f"hedgehog audit --all {of}", at_least=1_000_000),
        Row("audit_cpu_s", "s", "its CPU time, all processes together"),
        Row("explain_cpu_s", "s", "CPU time of the one that took most"),
        Row("audit_again_s", "s", "hedgehog audit after that, which goes on from there"),
        Row("dashboard_why_s", "s", "Why of these orders on the dashboard, the slowest, each asked once", at_most=1),
    ]


def _parts(trades: list[Trade], codec: Codec[Trade], times: int) -> Iterator[Encoded]:
    """Yield the trades of all laps, a lap at a time: together they do not fit into memory."""
    later = laps(trades, times)
    while part := encode(islice(later, len(trades)), codec):
        yield part


def _orders(w: World) -> list[str]:
    """The ids of the first, of a middle and of the last order of the topic."""
    codec = make_codec(w.config, Order)
    ids = list(dict.fromkeys(codec.decode(value).client_order_id for value in read_topic(w.config, ORDERS)))
    to_stderr(f"bench: {len(ids)} orders to explain")
    return [ids[0], ids[len(ids) // 2], ids[-1]]


def _why(w: World, orders: Sequence[str]) -> Iterator[float]:
    """Yield how many seconds the dashboard takes to answer for each order."""
    argv = [sys.executable, "-m", "streams.cli.main", "dashboard", "--port", str(PORT), "--without-audit"]
    with running(w, argv):
        until_ready()
        for name in orders:
            began = time.perf_counter()
            answer = httpx.get(f"http://127.0.0.1:{PORT}/api/ask/why", params={"order": name}, timeout=WITHIN_S)
            answer.raise_for_status()
            yield time.perf_counter() - began


class Took(NamedTuple):
    """What a command took, its start included; the CPU time with that of the processes that it starts."""

    seconds: float
    cpu_s: float


def _command(w: World, *words: str) -> tuple[Took, dict[str, object]]:
    """Return what a command takes and what it says."""
    began, cpu_before = time.perf_counter(), _cpu_of_children()
    done = subprocess.run(
        [HEDGEHOG, *words, "--json"], capture_output=True, text=True, timeout=WITHIN_S, env=w.environment, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"hedgehog {' '.join(words)}: {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return Took(seconds, _cpu_of_children() - cpu_before), json.loads(done.stdout)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _say(key: str, value: float) -> None:
    to_stderr(f"bench: {key} {value:,.2f}")


def main() -> None:
    """Measure on the benchmark's stack and print."""
    stack = Stack(stack_config())
    try:
        stack.up()
        provision(stack.config, to_stderr)
        markets = instruments(INSTRUMENTS)
        codec = make_codec(stack.config, Trade)
        times = int(sys.argv[1]) if sys.argv[1:] else TIMES
        measure(markets, trades_of(markets, COUNT), codec, _say, times)
    finally:
        stack.down()
        stack.clean()


if __name__ == "__main__":
    main()
