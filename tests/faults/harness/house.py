"""The house: a stack of its own, the markets, and every program of hedgehog as a process that is started again."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from confluent_kafka import KafkaException

from infra.brokers import FOLDER as BROKERS
from infra.config import LOOPBACK, Config
from infra.errors import Unreachable
from infra.native import postgres
from infra.native.backend import NativeBackend
from infra.stack import Stack
from infra.supervisor import Program, Supervisor
from schemas.broker import admin
from schemas.coordinators import members
from schemas.groups import sink_group, worker_group
from schemas.offsets import committed
from schemas.topics import DEAD_LETTER_TOPICS, SINKS, TRADES
from streams.demo.market import LIVELY
from streams.topics.lag import behind, readers
from streams.topics.read import count
from streams.worker import FOLDER as WORKERS_FOLDER
from tests.faults.harness.disks import Disk, small_disks
from tests.faults.harness.markets import Markets
from tests.stack import claimed_offset, environment, running_stack

PRODUCER, NOTIFIER, DASHBOARD = "producer", "notifier", "dashboard"
WORKERS = ("worker-1", "worker-2")
TRADED = "binance"
POSTGRES = "postgres"
SERVERS = ("broker", "registry", "connect", POSTGRES)
BROKER_MB, REST_MB, WORKERS_MB = 3_000, 2_000, 64
"""Sizes of the disks that can be filled: of the broker; of Postgres and of all that writes logs; of workers' files."""
START_WITHIN_S = 90.0
ROWS_WITHIN_S = 150.0
REST_WITHIN_S = 60.0
HOLES_WITHIN_S = 150.0
"""Where the last trade before the rest was missed, nothing but the producer's look once a minute tells."""
COMMAND_S = 60.0
POLL_S = 0.3
OPEN_S = 5.0
"""So long the markets go on after a fault has healed: a hole shows by the trade after it."""

Say = Callable[[str], None]


class Unsettled(Exception):
    """Not all is worked off in time; the message says what is not."""


class NotTried(Exception):
    """A fault cannot be had here; the message says why."""


class House:
    """All of it. Faults are done to its parts by `tests.faults.harness.cases`."""

    def __init__(self, config: Config, markets: Markets, folder: Path, disks: Mapping[Path, Disk], say: Say) -> None:
        self._disks = disks
        self.config, self.markets, self.folder, self._say = config, markets, folder, say
        self.supervisor = Supervisor(folder / "programs", folder / "logs", say)
        self._admin = admin(config)
        self._frozen: set[int] = set()
        self.unreadable = 0
        """How many frames were spoiled: each may be a dead letter."""
        self._lock = threading.Lock()

    # Programs

    def start_all(self) -> None:
        """Start every program, and trade and watch what there is."""
        for name in WORKERS:
            self.start_worker(name)
        of = {name: exchange.instruments for name, exchange in self.markets.exchanges.items()}
        self.hedgehog("settings", "seed")
        self.hedgehog("settings", "set", *of[TRADED], *LIVELY)
        self.hedgehog("trading", "start", *of[TRADED])
        self.hedgehog("watch", "add", *(key for keys in of.values() for key in keys), "--coverage", "10s")
        self.hedgehog("streaming", "start", *(key for keys in of.values() for key in keys))
        self.until("the workers have joined", lambda: self.joined() == len(WORKERS), START_WITHIN_S)
        this = (sys.executable, "-m", "streams.cli.main")
        self._start(PRODUCER, sys.executable, "-m", "producers")
        self._start(NOTIFIER, *this, "notify", "--sink", "stdout")
        self._start(DASHBOARD, *this, "dashboard", "--without-audit")
        self.until("the markets are open", lambda: all(self.markets.made().values()), START_WITHIN_S)
        # a sink asks the registry for a schema once, with the first record: of candles after a minute
        self.until("every sink has read something", self._has_rows, ROWS_WITHIN_S)

    def _has_rows(self) -> bool:
        return all(committed(self.config, [sink_group(self.config, topic) for topic in SINKS]).values())

    def start_worker(self, name: str, **variables: str) -> None:
        """Start a worker, or one more."""
        faust = str(Path(sys.executable).with_name("faust"))
        argv = (faust, "-A", "streams", "worker", "-l", "info")
        self.supervisor.start(Program(name, argv, variables, patience_s=30.0))

    def _start(self, name: str, *argv: str) -> None:
        self.supervisor.start(Program(name, argv))

    def hedgehog(self, *words: str) -> str:
        """Run a command as somebody would type it; return what it printed. Raises `Unsettled` where it fails."""
        command = [sys.executable, "-m", "streams.cli.main", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
        if done.returncode:
            raise Unsettled(f"hedgehog {' '.join(words)}: exit code {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def starts(self) -> int:
        """Return how often programs were started again."""
        return sum(self.supervisor.starts(name) - 1 for name in self.supervisor.names())

    # What may happen to processes

    def process(self, name: str) -> psutil.Process | None:
        """Return the process of a program or a server, `None` while there is none."""
        server = NativeBackend(self.config).daemon(name).pid() if name in SERVERS else self.supervisor.pid(name)
        try:
            return psutil.Process(server) if server is not None else None
        except psutil.NoSuchProcess:
            return None

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a program or a server, if it is there; to all processes of Postgres."""
        process = self.process(name)
        if process is None:
            return
        several = [process, *process.children(recursive=True)] if name == POSTGRES else [process]
        for each in several:
            try:
                os.kill(each.pid, number)
            except ProcessLookupError:
                continue
            with self._lock:
                (self._frozen.add if number == signal.SIGSTOP else self._frozen.discard)(each.pid)

    def disk(self, name: str) -> Disk:
        """The disk of the broker, of Postgres, or of the workers. Raises `NotTried` where it has none of its own."""
        home = self.config.data_dir.resolve()
        folder = {"broker": home / BROKERS, POSTGRES: home, "workers": home / WORKERS_FOLDER}[name]
        if folder not in self._disks:
            raise NotTried("a small disk cannot be mounted")
        if name == POSTGRES and postgres.data_home(self.config, postgres.account()).parent != home:
            raise NotTried(f"{home} cannot be reached by Postgres's account, its data are elsewhere")
        return self._disks[folder]

    def heal(self) -> None:
        """Let everything go on: what is frozen, what is cut, full disks, and servers that have ended."""
        for disk in self._disks.values():
            disk.free()
        with self._lock:
            frozen, self._frozen = self._frozen, set()
        for pid in frozen:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                continue
        for link in self.markets.links.values():
            self.markets.do(link.heal)
        if any(self.process(name) is None for name in SERVERS):
            Stack(self.config).up(lambda _: None)

    # Rest

    def joined(self) -> int:
        """Return how many workers share the partitions."""
        return members(self.config, [worker_group(self.config)])

    def settle(self) -> float:
        """Go on for a moment, then pause the markets and wait until all is worked off; in how many seconds that was.

        Raises `Unsettled` where it takes longer than it may.
        """
        time.sleep(OPEN_S)
        self.markets.pause()
        began = time.monotonic()
        self.until("every trade that was made is in the topic", self._is_complete, HOLES_WITHIN_S)
        lag_from = time.monotonic()
        self.until("all is worked off", self._is_worked_off, REST_WITHIN_S)
        self._say(f"complete after {lag_from - began:.1f} s, worked off {time.monotonic() - lag_from:.1f} s later")
        return time.monotonic() - began

    def _is_complete(self) -> bool:
        return count(self.config, [TRADES]) >= sum(self.markets.made().values())

    def _is_worked_off(self) -> bool:
        buried = count(self.config, DEAD_LETTER_TOPICS) > self.unreadable
        return self._is_complete() and not buried and not any(self._lag().values()) and self.joined() == len(WORKERS)

    def until(self, what: str, condition: Callable[[], bool], within_s: float) -> None:
        """Wait until something is so; raises `Unsettled` with its name."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                if condition():
                    return
            except (Unreachable, KafkaException, TimeoutError) as error:
                what_now = f"{what} ({error})"
                self._admin = admin(self.config)  # the one before may still wait for a broker that was killed
            else:
                what_now = what
            if time.monotonic() > deadline:
                raise Unsettled(f"not within {within_s:.0f} s: {what_now}; {self._where()}")
            time.sleep(POLL_S)

    def _where(self) -> str:
        try:
            lag = {group: records for group, records in self._lag().items() if records}
        except (Unreachable, KafkaException, TimeoutError) as error:
            return str(error)
        made = sum(self.markets.made().values())
        return f"{count(self.config, [TRADES]):,} of {made:,} trades in the topic, behind {lag}, {self.joined()} joined"

    def _lag(self) -> dict[str, int]:
        return behind(self.config, self._admin, readers(self.config))


@contextmanager
def house(folder: Path, seed: int, say: Say, full_disks: bool = False) -> Iterator[House]:
    """A house that is open, with disks that can be filled if asked for; it ends with the context, its folder stays."""
    home = folder / "stack"
    sizes = {home: REST_MB, home / BROKERS: BROKER_MB, home / WORKERS_FOLDER: WORKERS_MB} if full_disks else {}
    with small_disks(sizes) as disks, claimed_offset() as offset, Markets(folder, seed) as markets:
        link = markets.add_link(POSTGRES, Config(port_offset=offset).port("postgres"))
        values = {"HEDGEHOG_CONNECT_POSTGRES": f"{LOOPBACK}:{link.port}"}
        for exchange in markets.exchanges.values():
            values |= exchange.environment
        with environment(values), running_stack(offset, home, keep=True) as config:
            made = House(config, markets, folder, disks, say)
            try:
                made.start_all()
                yield made
            finally:
                made.heal()
                made.supervisor.stop_all()
                Stack(config).down(lambda _: None)
