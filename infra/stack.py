"""The stack behind the pipeline: broker, registry, Connect, database; where they run is a matter of the backend.

A data folder belongs to the backend that it was started with, whatever could be chosen later: stopping or removing what
another backend would have started leaves the servers running and the data there.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from infra.config import Config
from infra.errors import StackError
from infra.status import PartStatus

Say = Callable[[str], None]
DOCKER_TIMEOUT_S = 10
STARTED_WITH = "backend"
"""The file in the data folder that names the backend which started it."""


class Backend(Protocol):
    """What every backend can do. All raise `StackError` with words for the user."""

    name: str

    def up(self, say: Say) -> None: ...
    def down(self, say: Say) -> None: ...
    def status(self) -> list[PartStatus]: ...
    def clean(self) -> list[str]: ...
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


def started_with(data_dir: Path) -> str | None:
    """Return the name of the backend that a data folder was started with, `None` for one that never was."""
    home = data_dir.resolve()
    try:
        return (home / STARTED_WITH).read_text().strip()
    except FileNotFoundError:
        # before there was the file, each backend had a folder of its own
        native, compose = (home / "run").is_dir(), (home / "compose").is_dir()
        return None if native == compose else "native" if native else "compose"


def choose_backend(config: Config, docker: Callable[[], bool] = docker_answers) -> Backend:
    """Return the backend that the data folder was started with, else the one that `config.infra` names.

    `auto` takes compose where a Docker engine answers, else native; native too for several brokers, or none.
    """
    kind: str = config.infra
    if kind != "external":
        kind = started_with(config.data_dir) or kind
    if kind == "auto":
        kind = "compose" if config.own_brokers == 1 and docker() else "native"
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
        """Start it and wait until every part is ready. What is put into it comes next: `connectors.provision`.

        Raises `StackError` where another backend has started this data folder.
        """
        started = time.monotonic()
        self._require_same_backend()
        say(f"hedgehog: starting the stack ({self.backend.name}{self._why()})")
        self._keep_backend()
        self.backend.up(say)
        say(f"hedgehog: the stack is up after {time.monotonic() - started:.1f} s")

    def _require_same_backend(self) -> None:
        wanted, name = self.config.infra, self.backend.name
        if wanted not in ("auto", name):
            raise StackError(
                f"HEDGEHOG_INFRA={wanted}: the data of {self.config.data_dir.resolve()} are those of a stack that was "
                f"started as {name}; go on with HEDGEHOG_INFRA={name}, choose another HEDGEHOG_DATA_DIR, or remove "
                "the data (make infra-clean)"
            )

    def _why(self) -> str:
        """Return why this backend is taken, where another one could be expected."""
        if self.config.infra != "auto" or started_with(self.config.data_dir) is None:
            return ""
        other = docker_answers() == (self.backend.name == "native")
        return ", as it was started before" if other else ""

    def _keep_backend(self) -> None:
        if self.backend.name != "external":
            home = self.config.data_dir.resolve()
            home.mkdir(parents=True, exist_ok=True)
            (home / STARTED_WITH).write_text(f"{self.backend.name}\n")

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

    def clean(self) -> list[str]:
        """Remove the data of a stopped stack; return what was removed."""
        removed = self.backend.clean()
        (self.config.data_dir.resolve() / STARTED_WITH).unlink(missing_ok=True)
        return removed
