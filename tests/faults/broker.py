"""What may happen to the broker of the test stack."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from infra.config import Config
from infra.native.backend import NativeBackend


@contextmanager
def frozen_broker(config: Config) -> Iterator[None]:
    """The broker stands still, as its machine may; it takes connections, and answers nothing."""
    pid = NativeBackend(config).daemon("broker").pid() if config.infra != "external" else None
    if pid is None:
        pytest.skip("the broker is no process of this machine")
    broker = psutil.Process(pid)
    broker.suspend()
    try:
        yield
    finally:
        broker.resume()
