"""Where the demo lives: ports and a data folder of its own, so that it disturbs no other stack."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.config import LOOPBACK, Config, load_config
from infra.errors import StackError
from infra.native.ports import taken

OFFSET_FIRST = 500
OFFSET_STEP = 100
OFFSET_LAST = 30_000
EXCHANGES = ("binance", "coinbase", "bitstamp")
"""The local exchanges, each on the port after that of the one before."""
DERIVED = (
    "KAFKA_BOOTSTRAP",
    "REGISTRY_URL",
    "CONNECT_URL",
    "DATABASE_URL",
    "CONNECT_POSTGRES",
    "CONNECT_REGISTRY_URL",
    "TOPIC_PREFIX",
    "AGENTS",
    "EXCHANGES",
)
"""Empty here, whatever the environment says: then they follow from the ports, and all agents and exchanges run."""


@dataclass(frozen=True)
class Place:
    """The demo's folders."""

    home: Path

    @property
    def logs(self) -> Path:
        """Logs of the programs that the demo runs; the stack keeps its own beside them."""
        return self.home / "logs"

    @property
    def run(self) -> Path:
        return self.home / "programs"

    @property
    def journal(self) -> Path:
        """What the local exchange has sent."""
        return self.home / "journal.csv"


def find_place() -> Place:
    """Return the demo's folder, below the data folder of this installation."""
    return Place(load_config().data_dir.resolve() / "demo")


def move_in(place: Place) -> Config:
    """Set the environment of this process and its children to the demo's ports and folder; return the configuration.

    Raises `StackError` when no ports are free, or when the stack is somebody else's.
    """
    config = load_config()
    if config.infra == "external":
        raise StackError(
            "infra: 'external': the demo brings a stack of its own and writes to no other; unset HEDGEHOG_INFRA"
        )
    offset = free_offset(config)
    os.environ.update({f"HEDGEHOG_{name}": "" for name in DERIVED})
    os.environ["HEDGEHOG_REPLICATION"] = "1"
    os.environ["HEDGEHOG_WATCH_SINKS"] = "true"
    os.environ["HEDGEHOG_PORT_OFFSET"] = str(offset)
    os.environ["HEDGEHOG_DATA_DIR"] = str(place.home)
    for number, name in enumerate(EXCHANGES):
        exchange = f"{LOOPBACK}:{config.local_exchange_port + offset + number}"
        os.environ[f"HEDGEHOG_{name.upper()}_STREAM_URL"] = f"ws://{exchange}"
        os.environ[f"HEDGEHOG_{name.upper()}_REST_URL"] = f"http://{exchange}"
    return load_config()


def free_offset(config: Config) -> int:
    """Return the first offset above the configured one at which every port is free. Raises `StackError`."""
    bases = [getattr(config, field) for field in type(config).model_fields if field.endswith("_port")]
    bases += [config.local_exchange_port + number for number in range(1, len(EXCHANGES))]
    for offset in range(config.port_offset + OFFSET_FIRST, OFFSET_LAST, OFFSET_STEP):
        if all(port + offset <= 65_535 and not taken(port + offset) for port in bases):
            return offset
    raise StackError(f"ports: no free set of {len(bases)} between {min(bases) + OFFSET_FIRST} and 65535")


@contextmanager
def one_at_a_time(place: Place) -> Iterator[None]:
    """Hold the demo's folder; `StackError` while another demo does."""
    place.home.mkdir(parents=True, exist_ok=True)
    with (place.home / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StackError(f"{place.home}: another demo runs there (process {lock.read().strip()})") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
