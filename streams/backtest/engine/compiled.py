"""The strategy's functions compiled, made from the very code that the live worker runs.

A compiled function is the function's own byte code over globals in which the functions it calls are compiled too. No
rule is written a second time, so the engines can differ only in which trades they look at.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import streams.trading
from infra import compiling
from infra.compiling import inner

F = TypeVar("F", bound=Callable[..., Any])

PURE = streams.trading.__name__ + "."
SOURCES = (*streams.trading.__path__, str(Path(__file__).parent))
"""Folders of all that is compiled."""

entry = compiling.entry(SOURCES)
"""Decorates a function for Python to call, see there."""


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
