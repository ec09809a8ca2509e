"""The stack behind the pipeline: broker, registry, Connect, database; where they run is a matter of the backend."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Protocol

from infra.config import Config
from infra.status import PartStatus

Say = Callable[[str], None]
DOCKER_TIMEOUT_S = 10


class Backend(Protocol):
    """What every backend can do. All raise `StackError` with words for the user."""

    name: str

    def up(self, say: Say) -> None: ...
    def down(self, say: Say) -> None: ...
    def status(self) -> list[PartStatus]: ...
    def clean(self) -> None: ...
    def logs(self, part: str | None, follow: bool) -> None: ...


def docker_answers() -> bool:
    """Return whether a Docker engine answers and the compose plugin is there."""
    if shutil.which("docker") is None:
        return False
    return all(_succeeds(["docker", *words]) for words in (["compose", "version"], ["info"]))


def _succeeds(argv: list[str]) -> bool:
    try:
        return not subprocess.run(argv, capture_output=True, timeout=DOCKER_TIMEOUT_S, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def choose_backend(config: Config, docker: Callable[[], bool] = docker_answers) -> Backend:
    """Return the backend that `config.infra` names; `auto` takes compose where a Docker engine answers, else native."""
    kind = config.infra
    if kind == "auto":
        kind = "compose" if docker() else "native"
    # each imported only when used: the servers of one backend may not be installed for another
    if kind == "compose":
        from infra.compose.backend import ComposeBackend  # noqa: PLC0415

        return ComposeBackend(config)
    if kind == "external":
        from infra.external import ExternalBackend  # noqa: PLC0415

        return ExternalBackend(config)
    from infra.native.backend import NativeBackend  # noqa: PLC0415

    return NativeBackend(config)


def to_stderr(text: str) -> None:
    """Print a line of progress to stderr; stdout is for data."""
    print(text, file=sys.stderr, flush=True)


class Stack:
    """The stack of one configuration."""

    def __init__(self, config: Config):
        self.config = config
        self.backend = choose_backend(config)

    def up(self, say: Say = to_stderr) -> None:
        """Start it and wait until every part is ready. What is put into it comes next: `connectors.provision`."""
        started = time.monotonic()
        say(f"hedgehog: starting the stack ({self.backend.name})")
        self.backend.up(say)
        say(f"hedgehog: the stack is up after {time.monotonic() - started:.1f} s")

    def down(self, say: Say = to_stderr) -> None:
        """Stop it; the data stay."""
        started = time.monotonic()
        self.backend.down(say)
        say(f"hedgehog: the stack is down after {time.monotonic() - started:.1f} s")

    def status(self) -> list[PartStatus]:
        """Return the state of each part."""
        return self.backend.status()

    def logs(self, part: str | None = None, follow: bool = False) -> None:
        """Print the end of the log of `part` (None: of all); with `follow` go on until interrupted."""
        self.backend.logs(part, follow)

    def clean(self) -> None:
        """Remove the data of a stopped stack."""
        self.backend.clean()
