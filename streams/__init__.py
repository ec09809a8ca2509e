"""The stream processors. `faust -A streams worker` starts them."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`streams.app`, the Faust application, made when it is first asked for: not everyone here needs Faust."""
    if name == "app":
        from streams.worker import app  # noqa: PLC0415

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
