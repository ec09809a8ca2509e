"""Functions compiled by numba, and kept on disk for the next process.

Where they are kept is the folder of caches; where that cannot be written, the folder of the program; where neither can,
they are compiled in every process. Somebody who waits for a compiler is told so, once a process.
"""

import hashlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, wraps
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast

import numba
from numba.core import event

from infra.config import load_config

F = TypeVar("F", bound=Callable[..., Any])

# Divisors are positive, so none needs a check. Compiled code allocates nothing, so numba
# need not count references to arrays, which would take four times as long as the strategy. Left to itself, LLVM
# inlines a function or not by the size of what is around it: a call copies some twenty columns, so that a change
# anywhere made a sweep take twice as long, or half.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": False, "forceinline": True}

COMPILING = "hedgehog: compiling, once on this machine; some ten seconds…"
COMPILING_ANEW = "hedgehog: compiling, some ten seconds; nothing can be kept in {folder}, so every command will do it…"

_PROGRAM = Path(__file__).resolve().parent.parent
numba_config: Any = numba.config
numba_event: Any = event
_preparing = Lock()


def inner(function: F) -> F:
    """Return `function` compiled, for compiled functions to call."""
    return cast(F, numba.njit(**OPTIONS)(function))


def entry(sources: Sequence[str | Path]) -> Callable[[F], F]:
    """Return a decorator: a function compiled without the GIL, for Python to call, kept for the next process.

    `sources` are the folders and files of all that is compiled. Nothing is read, written or compiled before the first
    call.
    """

    def decorate(function: F) -> F:
        prepared = cache(lambda: _kept(function, tuple(map(str, sources))))

        @wraps(function)
        def call(*arguments: Any) -> Any:
            with _preparing:  # several threads may make the first call
                ready = prepared()
            return ready(*arguments)

        return cast(F, call)

    return decorate


def _kept(function: Callable[..., Any], sources: tuple[str, ...]) -> Callable[..., Any]:
    folder = cache_folder(sources)
    _tell_of_compilers(folder is not None)
    if folder is None:
        return inner(function)
    before = numba_config.CACHE_DIR
    numba_config.CACHE_DIR = str(folder)
    try:
        return cast(Callable[..., Any], numba.njit(**OPTIONS, cache=True)(function))
    finally:
        numba_config.CACHE_DIR = before


@cache
def cache_folder(sources: tuple[str, ...]) -> Path | None:
    """Return where compiled code is kept, or None where nothing can be written.

    One folder for each state of the sources: numba itself would not notice that a callee in another file has changed,
    and go on with the old rule.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for source in map(Path, (*sources, __file__)):
        for path in sorted(source.glob("*.py")) if source.is_dir() else [source]:
            digest.update(path.read_bytes())
    places = (load_config().cache_dir / "compiled", _PROGRAM / "__pycache__" / "compiled")
    return next(filter(_writable, (place / digest.hexdigest()[:16] for place in places)), None)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


class _Told(event.Listener):  # type: ignore[misc]
    """Says that a compiler runs, when the first one does; what is compiled within is no news."""

    def __init__(self, text: str) -> None:
        self._text = text

    def on_start(self, event: Any) -> None:
        if self._text:
            print(self._text, file=sys.stderr, flush=True)
        self._text = ""

    def on_end(self, event: Any) -> None:
        """Compiled: nothing to say."""


@cache
def _tell_of_compilers(kept: bool) -> None:
    text = COMPILING if kept else COMPILING_ANEW.format(folder=load_config().cache_dir)
    numba_event.register("numba:compile", _Told(text))
