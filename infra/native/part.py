"""What the native backend knows about one server."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

from infra.native.process import Command


@dataclass(frozen=True)
class Part:
    """One server: how to prepare and start it, how to know that it is ready, how to stop it."""

    name: str
    endpoint: str
    ports: dict[str, int]
    """Name of the setting (for messages) and port, of every port it listens on."""
    needs: tuple[str, ...]
    command: Callable[[], Command]
    """Prepares files and returns what to run; called once per start, after the parts in `needs` are ready."""
    probe: Callable[[], None]
    """Raises while the server is not ready."""
    settle: Callable[[], None] = lambda: None
    """Work after the first readiness, before those that need this part start."""
    gentle: signal.Signals = signal.SIGTERM
    patience_s: float = 15.0
    ready_within_s: float = 180.0
