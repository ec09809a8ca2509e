"""What may happen: each case does something to the house and heals it. Durations are drawn, in seconds."""

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from producers.local_exchange.faults import HttpFault
from tests.faults.harness.house import DASHBOARD, NOTIFIER, POSTGRES, PRODUCER, TRADED, WORKERS, House

FROZEN_S = 11.0
"""Longer than the session of a worker."""
REFUSED_HANDSHAKES = 6
"""The pause after each is longer than the one before: more would take minutes."""
CLOCK = Path(__file__).parent / "clock"
EXTRA = "worker-3"
JOINS_WITHIN_S = 60.0

Does = Callable[[House, random.Random], None]


@dataclass(frozen=True)
class Case:
    """One thing that may happen.

    `quick` ones are drawn in a soak, and now and then a `rare` one, of the servers; `fills` one that wants small disks.
    """

    name: str
    says: str
    does: Does
    quick: bool = True
    fills: bool = False
    rare: bool = False


def _kill(*names: str) -> Does:
    def does(house: House, chance: random.Random) -> None:
        house.signal(chance.choice(names), signal.SIGKILL)
        time.sleep(chance.uniform(0.5, 3))

    return does


def _freeze(name: str, low: float, high: float) -> Does:
    def does(house: House, chance: random.Random) -> None:
        house.signal(name, signal.SIGSTOP)
        time.sleep(chance.uniform(low, high))
        house.signal(name, signal.SIGCONT)

    return does


def _freeze_worker(house: House, chance: random.Random) -> None:
    _freeze(chance.choice(WORKERS), 0.5, FROZEN_S)(house, chance)


def _freeze_past_session(house: House, chance: random.Random) -> None:
    _freeze(chance.choice(WORKERS), FROZEN_S, FROZEN_S + 4)(house, chance)


def _join_and_leave(house: House, chance: random.Random) -> None:
    house.start_worker(EXTRA)
    time.sleep(chance.uniform(2, 8))
    house.supervisor.stop(EXTRA)


def _kill_twenty(house: House, chance: random.Random) -> None:
    for _ in range(20):
        time.sleep(chance.uniform(0.2, 4))
        house.signal(chance.choice(WORKERS), signal.SIGKILL)


def _exchange(house: House, chance: random.Random) -> str:
    return chance.choice(list(house.markets.exchanges))


def _cut_feed(house: House, chance: random.Random) -> None:
    server = house.markets.exchanges[_exchange(house, chance)].server
    house.markets.do(lambda: server.cut(chance.uniform(0.5, 6)))
    time.sleep(2)


def _cut_in_frame(house: House, chance: random.Random) -> None:
    server = house.markets.exchanges[_exchange(house, chance)].server
    house.markets.do(lambda: server.drop(mid_frame=True))
    time.sleep(1)


def _spoil_feed(house: House, chance: random.Random) -> None:
    for name in house.markets.exchanges:
        link = house.markets.links[name]
        link.spoiled = chance.randint(1, 5)
        house.unreadable += link.spoiled
    time.sleep(1)


def _half_open(house: House, chance: random.Random) -> None:
    link = house.markets.links[_exchange(house, chance)]
    house.markets.do(link.hold)
    time.sleep(chance.uniform(2, 8))
    house.markets.do(link.cut)
    house.markets.do(link.heal)


def _shuffle_feed(house: House, chance: random.Random) -> None:
    """Trades that never come by the stream, that come late, and that come again."""
    exchange = house.markets.exchanges[_exchange(house, chance)]
    symbol, server = chance.choice(exchange.symbols), exchange.server
    house.markets.do(lambda: server.skip(symbol, chance.randint(1, 30)))
    time.sleep(0.5)
    house.markets.do(lambda: server.hold(symbol, chance.randint(1, 5)))
    time.sleep(1)
    house.markets.do(lambda: server.release(symbol))
    for _ in range(3):
        house.markets.do(lambda: server.repeat_last(symbol))
        time.sleep(0.2)


def _refuse_twenty(house: House, chance: random.Random) -> None:
    server = house.markets.exchanges[_exchange(house, chance)].server
    refusals = [HttpFault(chance.choice((429, 500, 503)), "1") for _ in range(20)]
    house.markets.do(lambda: server.faults.handshakes.extend(refusals[:REFUSED_HANDSHAKES]))
    house.markets.do(lambda: server.faults.calls.extend(refusals[REFUSED_HANDSHAKES:]))
    house.markets.do(server.drop)
    time.sleep(25)
    house.markets.do(server.faults.handshakes.clear)
    house.markets.do(server.faults.calls.clear)


def _without_postgres(seconds: float) -> Does:
    def does(house: House, chance: random.Random) -> None:
        link = house.markets.links[POSTGRES]
        link.refused = True
        house.markets.do(link.cut)
        time.sleep(seconds)
        link.refused = False

    return does


def _slow_postgres(house: House, chance: random.Random) -> None:
    link = house.markets.links[POSTGRES]
    link.delay_s = chance.uniform(0.02, 0.2)
    time.sleep(8)
    link.delay_s = 0.0


def _kill_server(name: str, low: float = 1, high: float = 5) -> Does:
    def does(house: House, chance: random.Random) -> None:
        house.signal(name, signal.SIGKILL)
        time.sleep(chance.uniform(low, high))
        house.heal()

    return does


def _fill_disk(name: str, *killed: str) -> Does:
    """Fill a disk for 15 to 25 s; kill a program meanwhile, which then starts on it."""

    def does(house: House, chance: random.Random) -> None:
        disk = house.disk(name)
        disk.fill()
        time.sleep(5)
        if killed:
            house.signal(chance.choice(killed), signal.SIGKILL)
        time.sleep(chance.uniform(10, 20))
        disk.free()

    return does


def _jump(seconds: int) -> Does:
    """Let the clock of one worker be another one."""

    def does(house: House, chance: random.Random) -> None:
        name = chance.choice(WORKERS)
        house.supervisor.stop(name)
        before = os.environ.get("PYTHONPATH")
        house.start_worker(
            name,
            PYTHONPATH=os.pathsep.join([str(CLOCK)] + [before] * (before is not None)),
            HEDGEHOG_TEST_CLOCK=str(seconds),
        )
        house.until("the worker with another clock has joined", lambda: house.joined() == len(WORKERS), JOINS_WITHIN_S)
        time.sleep(8)
        house.supervisor.stop(name)
        house.start_worker(name)

    return does


CASES = (
    Case("kill-worker", "a worker is killed", _kill(*WORKERS)),
    Case("kill-twenty", "workers are killed at twenty moments", _kill_twenty, quick=False),
    Case("freeze-worker", "a worker stands still for up to 11 s", _freeze_worker),
    Case("freeze-past-session", "a worker stands still for longer than its session", _freeze_past_session, quick=False),
    Case("join-and-leave", "a third worker joins and leaves", _join_and_leave, quick=False),
    Case("kill-producer", "the producer is killed", _kill(PRODUCER)),
    Case("freeze-producer", "the producer stands still for up to 8 s", _freeze(PRODUCER, 1, 8)),
    Case("kill-watchers", "the notifier or the dashboard is killed", _kill(NOTIFIER, DASHBOARD)),
    Case("cut-feed", "an exchange resets all connections and refuses new ones for up to 6 s", _cut_feed),
    Case("cut-in-frame", "a feed ends in the middle of a frame", _cut_in_frame),
    Case("spoil-feed", "braces of each feed are other bytes: frames that cannot be read", _spoil_feed),
    Case("half-open", "a feed's connections are half open for up to 8 s, then reset", _half_open),
    Case("shuffle-feed", "trades are skipped, late, and come again", _shuffle_feed),
    Case("refuse-twenty", "an exchange refuses six handshakes and fourteen REST calls", _refuse_twenty, quick=False),
    Case("slow-postgres", "each answer of Postgres takes up to 0.2 s longer", _slow_postgres, quick=False, rare=True),
    Case("no-postgres", "Postgres cannot be reached for 60 s", _without_postgres(60), quick=False),
    Case("kill-connect", "Kafka Connect is killed", _kill_server("connect"), quick=False, rare=True),
    Case("kill-broker", "the broker is killed", _kill_server("broker"), quick=False, rare=True),
    # right after the broker: the sinks' tasks have begun anew, and those of rare records have no schema yet
    Case("no-registry", "the registry is killed and away for 45 s", _kill_server("registry", 45, 45), quick=False),
    Case("kill-registry", "the registry is killed", _kill_server("registry"), quick=False, rare=True),
    Case("freeze-broker", "the broker stands still for 5 s", _freeze("broker", 5, 5), quick=False, rare=True),
    Case("freeze-broker-long", "the broker stands still for 75 s", _freeze("broker", 75, 75), quick=False),
    Case("freeze-postgres", "Postgres stands still for up to 8 s", _freeze(POSTGRES, 2, 8), quick=False, rare=True),
    Case("full-broker", "the broker's disk is full", _fill_disk("broker"), False, True),
    Case("full-postgres", "the disk of Postgres and of servers' logs is full", _fill_disk(POSTGRES), False, True),
    Case("full-workers", "workers' disk is full, one is killed", _fill_disk("workers", *WORKERS), False, True),
    Case("clock-hour-ahead", "a worker's clock is an hour ahead", _jump(3_600), quick=False),
    Case("clock-hour-behind", "a worker's clock is an hour behind", _jump(-3_600), quick=False),
    Case("clock-day-ahead", "a worker's clock is a day ahead", _jump(86_400), quick=False),
    Case("clock-day-behind", "a worker's clock is a day behind", _jump(-86_400), quick=False),
)


def stop_trading(house: House, chance: random.Random) -> str:
    """Stop one instrument, as somebody would while things go wrong; return its key once the command has said yes."""
    key = chance.choice(house.markets.exchanges[TRADED].instruments)
    house.hedgehog("trading", "stop", key)
    return key
