"""Proves tasks, several at once: each in a process of its own, which reads the trades that it needs."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

import numpy as np

from infra.config import Config
from schemas import topics
from schemas.journal_records import LEADER
from schemas.records import Trade
from schemas.registry import make_codec
from streams.audit.chains import Proof
from streams.audit.differences import Difference
from streams.audit.stretches import Task
from streams.topics.consume import trade_batches
from streams.trading.book import Tape

Proven = tuple[list[Difference], int]
"""The differences of a task, and how many trades its leaders saw."""

SMALL = 1_000_000
"""So many trades are read sooner than processes begin."""
WAITING = 2
"""So many tasks a process are ready for it: they hold what is to be proven."""


def prove_all(config: Config, tasks: Iterable[Task], trades: int) -> Iterator[tuple[int, Proven]]:
    """Yield the partition of each task and what came of it, in any order; `trades` is about how many there are."""
    processes = os.cpu_count() or 1
    if trades < SMALL or processes == 1:
        yield from ((task.partition, prove_task(config, task)) for task in tasks)
        return
    with ProcessPoolExecutor(processes) as pool:
        running: dict[Future[Proven], int] = {}
        for task in tasks:
            running[pool.submit(prove_task, config, task)] = task.partition
            if len(running) > WAITING * processes:
                yield from _done(running)
        while running:
            yield from _done(running)


def _done(running: dict[Future[Proven], int]) -> Iterator[tuple[int, Proven]]:
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        yield running.pop(future), future.result()


def prove_task(config: Config, task: Task) -> Proven:
    """Read the trades of a task and prove its chains. Raises what `trade_batches` raises."""
    proofs: defaultdict[str, list[Proof]] = defaultdict(list)
    for chain in task.chains:
        proofs[chain.instrument].append(Proof(chain))
    names = list(proofs)
    place = (topics.TRADES.full_name(config), task.partition)
    for upto, found in trade_batches(config, place, (task.first, task.end), names, make_codec(config, Trade)):
        rows = np.argsort(found.key, kind="stable")
        ends = np.searchsorted(found.key[rows], np.arange(len(names) + 1))
        for number, name in enumerate(names):
            part = rows[ends[number] : ends[number + 1]]
            if len(part):
                for proof in proofs[name]:
                    proof.feed(Tape(*(column[part] for column in found[1:])), upto)
    everything = [proof for some in proofs.values() for proof in some]
    differences = [difference for proof in everything for difference in proof.finish()]
    return differences, sum(proof.seen for proof in everything if proof.chain.agent == LEADER)
