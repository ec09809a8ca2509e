"""A sweep on a Dask cluster: the trades go to every worker once, the settings in parts to whichever is free.

What each setting gives depends on nothing but the setting, so the answer is that of one machine.
"""

# ruff: noqa: PLC0415 -- an optional extra is imported where it is used
# mypy: disable-error-code="no-untyped-call"

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from schemas.records import Setup
from streams.backtest.engine.data import Flow, Prepared
from streams.backtest.engine.sweep import Summary, sweep

PARTS_PER_CORE = 4
"""Parts for each thread of the cluster: as many as even out that some settings take longer than others."""
CONNECT_S = 10
INSTALL = "pip install distributed"


class NoCluster(RuntimeError):
    """There is no such cluster, or not what it takes to use one; the message says what."""


def sweep_on(
    address: str,
    prepared: Prepared,
    setups: Sequence[Setup],
    progress: Callable[[int], None] | None = None,
    flow: Flow | None = None,
    drawdown: bool = False,
) -> Summary:
    """Return what `sweep` gives, worked out by the workers of a Dask scheduler.

    It is at `address`, `tcp://HOST:PORT` or `HOST:PORT`. Each worker has to have this version of
    hedgehog installed. Raises `NoCluster`, and what `sweep` raises.
    """
    if not setups:
        raise ValueError("settings: none given")
    client = _connected(address)
    try:
        cores = sum(client.ncores().values())
        if not cores:
            raise NoCluster(f"--dask: the scheduler at {address} has no workers")
        size = -(-len(setups) // (cores * PARTS_PER_CORE))
        (trades,) = client.scatter([(prepared, flow)], broadcast=True, hash=False)
        parts = [list(setups[at : at + size]) for at in range(0, len(setups), size)]
        run = partial(_run_part, drawdown=drawdown)
        futures = client.map(run, parts, trades=trades, pure=False)
        return _joined(_collected(client, futures, [len(part) for part in parts], progress))
    except (NoCluster, ValueError):
        raise
    except Exception as error:
        raise NoCluster(f"--dask: the workers at {address} failed: {type(error).__name__}: {error}") from error
    finally:
        client.close()


def _connected(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise NoCluster(f"--dask: Dask is not installed; {INSTALL}") from None
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise NoCluster(f"--dask: no Dask scheduler answers at {address}: {error}") from None


def _run_part(part: list[Setup], trades: tuple[Prepared, Flow | None], drawdown: bool) -> Summary:
    """Sweep one part of the settings; runs on a worker, in one of its threads."""
    prepared, flow = trades
    return sweep(prepared, part, workers=1, flow=flow, drawdown=drawdown)


def _collected(
    client: Any, futures: list[Any], sizes: Sequence[int], progress: Callable[[int], None] | None
) -> list[Summary]:
    """Return the parts' summaries, in the order of the parts."""
    from distributed import as_completed

    size_of, done = dict(zip(futures, sizes, strict=True)), 0
    for future in as_completed(futures, loop=client.loop):
        future.result()
        done += size_of[future]
        if progress:
            progress(done)
    gathered: list[Summary] = client.gather(futures)
    return gathered


def _joined(summaries: Sequence[Summary]) -> Summary:
    columns: list[Any] = [
        None if column[0] is None else np.concatenate(column) for column in zip(*summaries, strict=True)
    ]
    return Summary(*columns)
