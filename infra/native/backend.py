"""The native backend: starts, stops and reports the servers of one data folder."""

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import psutil

from infra.brokers import FOLDER as BROKERS
from infra.config import Config
from infra.errors import PartFailed, StackError
from infra.native import ports, postgres
from infra.native.connect import connect_part
from infra.native.jars import Damaged, JarStore, Layout
from infra.native.kafka import NAME as BROKER
from infra.native.kafka import broker_parts, claim_data
from infra.native.lock import read_lock
from infra.native.logs import show_logs
from infra.native.part import Part
from infra.native.process import Daemon
from infra.native.registry import registry_part
from infra.passwords import OWNER, make_passwords, password_of
from infra.status import PartStatus

POLL_S = 0.1
NEED_OTHERS = ("connect", "registry")
"""The parts that are stopped before the others, one after the other."""
LOCK_PATIENCE_S = 120
DATA = (BROKERS, "connect", "logs", "run", "postgres", "audit")
"""The folders of the data folder that `clean` removes."""

Say = Callable[[str], None]


class NativeBackend:
    """The servers of `config.data_dir`, as processes of this machine."""

    name = "native"

    def __init__(self, config: Config):
        self._config = config
        self._home = config.data_dir.resolve()
        self._aborted = threading.Event()
        self._store = JarStore(config.cache_dir)

    @cached_property
    def _layout(self) -> Layout:
        return self._store.layout(read_lock())

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The parts by name, in the order of the table."""

        def layout() -> Layout:
            return self._layout

        brokers = broker_parts(self._config, layout)
        made = [
            postgres.postgres_part(self._config),
            *brokers,
            registry_part(self._config, layout),
            connect_part(self._config, layout, [broker.name for broker in brokers]),
        ]
        return {part.name: part for part in made}

    def daemon(self, name: str) -> Daemon:
        """The daemon of part `name`."""
        return Daemon(name, self._home / "run", self._home / "logs")

    def up(self, say: Say) -> None:
        """Start what does not run, each part as soon as those it needs are ready. Raises `StackError`."""
        with self._exclusive():
            self._require_brokers()
            self._require_same_endpoints()
            self._require_own_passwords()
            ports.require_apart(self.parts.values())
            idle = [part for part in self.parts.values() if self.daemon(part.name).pid() is None]
            ports.require_free(idle)
            if idle:
                self._store.ensure(read_lock(), say)
            if self._config.own_brokers:
                claim_data(self._config)
            try:
                if idle:
                    _ = self._layout
                self._start_all(say)
            except (Damaged, PartFailed):
                damaged = self._store.damaged(read_lock()) if idle else []
                if not damaged:
                    raise
                say(f"hedgehog: {len(damaged)} files of the servers' programs are damaged; they are fetched again")
                self._store.discard(damaged)
                self._store.ensure(read_lock(), say)
                self._store.unpack(read_lock())
                self._start_all(say)

    def _require_brokers(self) -> None:
        """Raise `StackError` for a number of brokers that is not the data's, or has no room for all copies."""
        config = self._config
        asked, own = f"HEDGEHOG_BROKERS={config.brokers}", config.own_brokers
        if config.brokers and not own:
            raise StackError(
                f"{asked}: the brokers are those of HEDGEHOG_KAFKA_BOOTSTRAP={config.kafka_bootstrap}, and the stack "
                "starts none; leave one of them out"
            )
        if config.brokers not in (0, own):
            raise StackError(
                f"{asked}: the data of {self._home} are those of {own}, and a cluster keeps its number; leave it out, "
                "choose another HEDGEHOG_DATA_DIR, or remove the data (make infra-clean)"
            )
        if own and config.copies > own:
            raise StackError(f"HEDGEHOG_REPLICATION={config.copies}: the stack has {own} brokers, one for each copy")

    def _require_same_endpoints(self) -> None:
        for part in self.parts.values():
            daemon = self.daemon(part.name)
            record = daemon.record()
            if record and daemon.pid() and record.get("endpoint", part.endpoint) != part.endpoint:
                raise StackError(
                    f"{part.name} of {self._home} runs at {record.get('endpoint')}, not {part.endpoint} as configured;"
                    " stop the stack with its old configuration first (down), or choose another HEDGEHOG_DATA_DIR"
                )

    def _require_own_passwords(self) -> None:
        running = any(self.daemon(name).pid() is not None for name in self.parts)
        if running and password_of(self._home, OWNER) is None:
            raise StackError(
                f"the stack of {self._home} was started by a version before, without passwords of its own;"
                " stop it (make infra-down), then start it again"
            )
        make_passwords(self._home)

    def _start_all(self, say: Say) -> None:
        ready = {name: threading.Event() for name in self.parts}
        self._aborted.clear()
        with ThreadPoolExecutor(len(self.parts)) as pool:
            jobs = [pool.submit(self._bring_up, part, ready, say) for part in self.parts.values()]
            try:
                done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
                if any(job.exception() for job in done):
                    self._aborted.set()
            except KeyboardInterrupt:
                self._aborted.set()
                await_end(jobs)
                raise
        errors = [error for job in jobs if (error := job.exception()) and not isinstance(error, _Aborted)]
        if errors:
            raise errors[0]

    def _bring_up(self, part: Part, ready: dict[str, threading.Event], say: Say) -> None:
        for need in part.needs:
            while not ready[need].wait(POLL_S):
                self._check_aborted()
        self._check_aborted()
        started = time.monotonic()
        daemon = self.daemon(part.name)
        running = daemon.pid()
        if running is None:
            daemon.start(part.command(), part.endpoint)
        self._await_ready(part, daemon)
        part.settle()
        self._check_aborted()
        ready[part.name].set()
        how = "already up" if running else f"up after {time.monotonic() - started:.1f} s"
        say(f"{part.name:9} {how}, {part.endpoint}")

    def _await_ready(self, part: Part, daemon: Daemon) -> None:
        deadline = time.monotonic() + part.ready_within_s
        while True:
            if daemon.pid() is None:
                raise PartFailed(part.name, "ended while starting", daemon.log)
            try:
                part.probe()
                return
            except Exception as error:  # whatever a server in the making answers
                if time.monotonic() > deadline:
                    reason = f"not ready after {part.ready_within_s:.0f} s ({error})"
                    raise PartFailed(part.name, reason, daemon.log) from error
            self._check_aborted()
            time.sleep(POLL_S)

    def _check_aborted(self) -> None:
        if self._aborted.is_set():
            raise _Aborted

    def down(self, say: Say) -> None:
        """Stop the servers, those that need others first."""
        with self._exclusive():
            rest = [name for name in self.parts if name not in NEED_OTHERS]
            for names in (*([name] for name in NEED_OTHERS), rest):
                with ThreadPoolExecutor(len(names)) as pool:
                    list(pool.map(lambda name: self._stop(name, say), names))

    def _stop(self, name: str, say: Say) -> None:
        part = self.parts[name]
        ended = self.daemon(name).stop(part.gentle, part.patience_s)
        say(f"{name:9} {ended or 'was not running'}")

    def status(self) -> list[PartStatus]:
        """The state of each part."""
        with ThreadPoolExecutor(len(self.parts)) as pool:
            return list(pool.map(self._status_of, self.parts.values()))

    def _status_of(self, part: Part) -> PartStatus:
        daemon = self.daemon(part.name)
        record, pid = daemon.record(), daemon.pid()
        if record is None or pid is None:
            return PartStatus(part.name, "down" if record is None else "dead", part.endpoint)
        try:
            part.probe()
            state = "up"
        except Exception:
            state = "not ready"
        return PartStatus(part.name, state, part.endpoint, pid, float(str(record["since"])), _rss(pid))

    def logs(self, part: str | None, follow: bool) -> None:
        """Print the end of the log of `part` (None: of all; the broker is all of them); `follow` until interrupted."""
        names = [name for name in self.parts if part in (None, name) or (part == BROKER and name.startswith(BROKER))]
        show_logs({name: self.daemon(name).log for name in names}, follow)

    def clean(self) -> list[str]:
        """Remove all data of the stack, which must be down; return what was removed.

        The passwords stay: containers' data may be under them.
        """
        with self._exclusive():
            running = [name for name in self.parts if self.daemon(name).pid() is not None]
            if running:
                raise StackError(f"still running: {', '.join(running)}; stop the stack first (down)")
            places = [postgres.data_home(self._config, postgres.account())]
            places += [self._home / name for name in (*DATA, postgres.LOCATION)]
            places.append(postgres.owner_note(places[0]))
            found = [path for path in dict.fromkeys(places) if path.exists()]
            for path in found:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            return [str(path) for path in found]

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One command at a time works on a data folder."""
        self._home.mkdir(parents=True, exist_ok=True)
        with (self._home / "stack.lock").open("a+") as lock:
            deadline = time.monotonic() + LOCK_PATIENCE_S
            while not _try_lock(lock.fileno()):
                if time.monotonic() > deadline:
                    lock.seek(0)
                    raise StackError(
                        f"{self._home}: another command (process {lock.read().strip()}) works on this stack"
                    )
                time.sleep(POLL_S)
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield


class _Aborted(Exception):
    """Another part failed; this one need not be waited for."""


def await_end(jobs: Collection[Future[None]]) -> None:
    """Wait until jobs that were told to end have done so, however often that is interrupted: what one of them starts
    after the others were stopped would be left running."""
    while True:
        try:
            wait(jobs)
            return
        except KeyboardInterrupt:
            continue


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def _memory(process: psutil.Process) -> Any:
    return process.memory_info()


def _rss(pid: int) -> int | None:
    try:
        process = psutil.Process(pid)
        # PostgreSQL's children share its buffers, which must not count for each of them
        own = (memory.rss - getattr(memory, "shared", 0) for memory in map(_memory, process.children(recursive=True)))
        return int(process.memory_info().rss + sum(own))
    except psutil.NoSuchProcess:
        return None
