"""The strategy's functions compiled, made from the very code that the live worker runs.

A compiled function is the function's own byte code over globals in which the functions it calls are compiled too. No
rule is written a second time, so the engines can differ only in which trades they look at.
"""

import hashlib
import tempfile
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from threading import Lock
from types import FunctionType
from typing import Any, TypeVar, cast

import numba

import streams.trading
from infra.config import load_config

F = TypeVar("F", bound=Callable[..., Any])

PURE = streams.trading.__name__ + "."
SOURCES = (*streams.trading.__path__, str(Path(__file__).parent))
"""Folders of all that is compiled."""

# Divisors are positive (`scale.py`), so none needs a check. Compiled code allocates nothing, so numba
# need not count references to arrays, which would take four times as long as the strategy. Left to itself, LLVM
# inlines a function or not by the size of what is around it: a call copies some twenty columns, so that a change
# anywhere made a sweep take twice as long, or half.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": False, "forceinline": True}

numba_config: Any = numba.config
_preparing = Lock()


def compiled(function: F) -> F:
    """Return a function of `streams.trading` compiled, for integers of 64 bits and arrays of them."""
    return cast(F, _compiled(function))


@cache
def _compiled(function: Any) -> Any:
    scope = dict(function.__globals__)
    for name in function.__code__.co_names:
        callee = scope.get(name)
        if isinstance(callee, FunctionType) and callee.__module__.startswith(PURE):
            scope[name] = _compiled(callee)
    return inner(FunctionType(function.__code__, scope, function.__name__, function.__defaults__))


def inner(function: F) -> F:
    """Return `function` compiled, for compiled functions to call."""
    return cast(F, numba.njit(**OPTIONS)(function))


def entry(function: F) -> F:
    """Return `function` compiled without the GIL, for Python to call; kept on disk for the next process where possible.

    Nothing is read, written or compiled before the first call.
    """
    prepared = cache(lambda: _kept(function))

    @wraps(function)
    def call(*arguments: Any) -> Any:
        with _preparing:  # several threads may make the first call
            ready = prepared()
        return ready(*arguments)

    return cast(F, call)


def _kept(function: Callable[..., Any]) -> Callable[..., Any]:
    folder = _cache_folder()
    if folder is None:
        return inner(function)
    before = numba_config.CACHE_DIR
    numba_config.CACHE_DIR = str(folder)
    try:
        return cast(Callable[..., Any], numba.njit(**OPTIONS, cache=True)(function))
    finally:
        numba_config.CACHE_DIR = before


@cache
def _cache_folder() -> Path | None:
    """Return where compiled code is kept, or None where nothing can be written.

    One folder for each state of the sources: numba itself would not notice that a callee in another file has changed,
    and go on with the old rule.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for folder in SOURCES:
        for path in sorted(Path(folder).glob("*.py")):
            digest.update(path.read_bytes())
    kept = load_config().cache_dir / "compiled" / digest.hexdigest()[:16]
    try:
        kept.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=kept).close()
    except OSError:
        return None
    return kept
