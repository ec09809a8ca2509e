"""The stack of a test session: one running broker, registry, Connect and database, and the endpoints to reach them.

`HEDGEHOG_INFRA=external` uses the endpoints of the environment. Else a stack of its own is started (in containers where
a Docker engine answers, native where not) with its own ports and its own data under `build/test-stack`, and removed at
the end. `HEDGEHOG_TEST_KEEP=1` leaves it running, and the next session that says so takes it over.
"""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.provision import provision
from infra.config import Config, load_config
from infra.native.ports import taken
from infra.stack import Stack
from schemas.records import Trade
from schemas.registry import make_codec
from streams.agents.market import compile_steps
from streams.agents.trades import compile_reading

ROOT = Path(__file__).parent.parent / "build" / "test-stack"
OFFSETS = range(150, 3250, 100)
"""Below the ports that the system gives to outgoing connections (32768 and up)."""
KEPT_OFFSET = 3300
ENDPOINT_FIELDS = ("kafka_bootstrap", "registry_url", "connect_url", "database_url")


def _say(text: str) -> None:
    print(text, file=sys.__stderr__, flush=True)


def port_fields() -> list[str]:
    """The names of all ports of the configuration, without `_port`."""
    return [name.removesuffix("_port") for name in Config.model_fields if name.endswith("_port")]


def _ports_free(offset: int) -> bool:
    config = Config(port_offset=offset)
    return not any(taken(config.port(name)) for name in port_fields())


@contextmanager
def claimed_offset() -> Iterator[int]:
    """A port offset at which nothing listens and which no other session of this tree holds."""
    ROOT.mkdir(parents=True, exist_ok=True)
    for offset in OFFSETS:
        with (ROOT / f"{offset}.lock").open("a") as claim:
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if _ports_free(offset):
                yield offset
                return
    raise RuntimeError(f"no free ports at any offset of {OFFSETS}")


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """These variables set, and the endpoints of another stack not set, for this process and those it starts."""
    hidden = {f"HEDGEHOG_{field.upper()}": "" for field in ENDPOINT_FIELDS}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**hidden, **values}.items():
            patch.setenv(name, value)
        yield


def _compile(config: Config) -> None:
    """Compile here what every worker needs: the first two workers of a fresh clone would share the machine for it."""
    compile_reading(make_codec(config, Trade))
    compile_steps()


@contextmanager
def running_stack(offset: int, home: Path, keep: bool = False, **variables: str) -> Iterator[Config]:
    """A stack at this port offset with its data in `home`; unless `keep`, stopped and its data removed at the end.

    `variables` are further ones of the environment.
    """
    values = {"HEDGEHOG_PORT_OFFSET": str(offset), "HEDGEHOG_DATA_DIR": str(home.resolve()), **variables}
    with environment(values):
        config = load_config()
        stack = Stack(config)
        try:
            stack.up(_say)
            provision(config, _say)
            _compile(config)
            yield config
        finally:
            if not keep:
                stack.down(_say)
                stack.clean()
                shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Config]:
    """The configuration of a stack that is up, topics, schemas, tables and connectors in place."""
    config = load_config()
    if config.infra == "external":
        Stack(config).up(_say)
        provision(config, _say)
        yield config
    elif request.config.getoption("--keep-stack") or os.environ.get("HEDGEHOG_TEST_KEEP") == "1":
        with running_stack(KEPT_OFFSET, ROOT / "kept", keep=True) as kept:
            yield kept
    else:
        with claimed_offset() as offset, running_stack(offset, ROOT / str(offset)) as fresh:
            yield fresh
