"""Compiled twins of the strategy's functions, made from the very code that the live worker runs.

A twin is the function's own byte code over globals in which the functions it calls are twins too. No rule is written
a second time, so the engines can differ only in which trades they look at.
"""

import hashlib
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

import numba

from infra.config import load_config
from streams.trading import execution, filters, matching, rules, simulation, strategy

F = TypeVar("F", bound=Callable[..., Any])

TRADING = (rules, filters, matching, strategy, simulation, execution)
PURE = frozenset(module.__name__ for module in TRADING)
ENGINE = ("compiled.py", "data.py", "fast.py", "sweep.py")
"""The files beside this one that hold compiled code."""
# Divisors are positive (`scale.py`), so none needs a check. Compiled code allocates nothing, so numba
# need not count references to arrays, which would take four times as long as the strategy.
numba_config: Any = numba.config
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": False}


def twin(function: F) -> F:
    """The compiled twin of a function of `streams.trading`, for integers of 64 bits and arrays of them."""
    compiled: F = _twin(function)
    return compiled


@cache
def _twin(function: Any) -> Any:
    scope = dict(function.__globals__)
    for name in function.__code__.co_names:
        callee = scope.get(name)
        if isinstance(callee, FunctionType) and callee.__module__ in PURE:
            scope[name] = _twin(callee)
    return inner(FunctionType(function.__code__, scope, function.__name__, function.__defaults__))


def inner(function: F) -> F:
    """Compile a function that only compiled ones call."""
    compiled: F = numba.njit(**OPTIONS)(function)
    return compiled


def entry(function: F) -> F:
    """Compile a function that Python calls, without the GIL; kept on disk for the next process where possible."""
    folder = _cache_folder()
    if folder is None:
        return inner(function)
    before = numba_config.CACHE_DIR
    numba_config.CACHE_DIR = str(folder)
    try:
        compiled: F = numba.njit(**OPTIONS, cache=True)(function)
        return compiled
    finally:
        numba_config.CACHE_DIR = before


@cache
def _cache_folder() -> Path | None:
    """Where compiled code is kept, None where nothing can be written.

    One folder for each state of the sources: numba itself would not notice that a callee in another file has changed,
    and go on with the old rule.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    trading = [Path(module.__file__ or "") for module in TRADING]
    engine = [Path(__file__).with_name(name) for name in ENGINE]
    for path in trading + engine:
        digest.update(path.read_bytes())
    folder = load_config().cache_dir / "compiled" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return folder
