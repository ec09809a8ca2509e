"""Functions compiled by numba and kept, where somebody may write, for the next process. Pure, as numba is."""

from collections.abc import Callable
from typing import Any

import numba


def kept(function: Callable[..., Any]) -> Any:
    """Return `function` compiled, for Python and for compiled functions to call.

    numba keeps it in the folder NUMBA_CACHE_DIR, beside its source or among the user's caches, and raises where none
    of them can be written, as for an account without a home: then it is compiled in every process.
    """
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:
        return numba.njit(function)
