"""The compose backend: the servers of `compose.yaml`, with the settings and plugins of the native backend."""

import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from infra import roles
from infra.compose.service import project_name
from infra.config import Config
from infra.errors import PartFailed, StackError
from infra.external import endpoint_probes, statuses
from infra.native.connect import worker_properties
from infra.native.jars import JarStore
from infra.native.java import write_properties
from infra.native.kafka import broker_properties
from infra.native.lock import read_lock
from infra.passwords import FILE, OWNER, SUPERUSER, make_passwords, password_folder, password_of
from infra.status import PartStatus

COMPOSE_FILE = Path(__file__).parent / "compose.yaml"
PG_HBA = """\
local all all scram-sha-256
host all all all scram-sha-256
"""
"""Who may connect to PostgreSQL: nobody without a password."""
PLUGIN_SECTIONS = ("sink", "converter")
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - inside a container; published on 127.0.0.1 only
READY_WITHIN_S = 180.0
POLL_S = 0.3
ANSWER_WITHIN_S = 300
TAIL_LINES = 20


def compose_environment(config: Config, sink: Path, converter: Path) -> dict[str, str]:
    """Return the variables of `compose.yaml`: ports (offset applied), folders, passwords, the project's name."""
    home = config.data_dir.resolve()
    ports = {
        f"HEDGEHOG_{name.upper()}_PORT": str(config.port(name)) for name in ("kafka", "registry", "connect", "postgres")
    }
    return {
        **ports,
        "HEDGEHOG_PROJECT": project_name(home),
        "HEDGEHOG_FILES": str(home / "compose"),
        "HEDGEHOG_OWNER_PASSWORD": password_of(home, OWNER) or "",
        "HEDGEHOG_OWNER_PASSWORD_FILE": str(password_folder(home, OWNER) / FILE),
        "HEDGEHOG_SUPERUSER_PASSWORD": password_of(home, SUPERUSER) or "",
        "HEDGEHOG_SINK_PLUGIN": str(sink),
        "HEDGEHOG_CONVERTER_PLUGIN": str(converter),
    }


class ComposeBackend:
    """The containers of `config.data_dir`'s project."""

    name = "compose"

    def __init__(self, config: Config):
        self._config = config
        self._jars = [jar for jar in read_lock() if jar.section in PLUGIN_SECTIONS]
        self._store = JarStore(config.cache_dir)

    def _run(self, *words: str, shown: bool = False) -> str:
        """Run `docker compose WORDS`; its output, or with `shown` none, because the user sees it."""
        plugins = [self._store.folder(section, self._jars) for section in PLUGIN_SECTIONS]
        make_passwords(self._config.data_dir)
        environment = {**os.environ, **compose_environment(self._config, *plugins)}
        argv = ["docker", "compose", "--file", str(COMPOSE_FILE), *words]
        try:
            done = subprocess.run(
                argv,
                env=environment,
                text=True,
                check=False,
                capture_output=not shown,
                timeout=None if shown else ANSWER_WITHIN_S,
            )
        except FileNotFoundError:
            raise StackError(
                f"{self._config.data_dir.resolve()} is a stack of containers, and there is no `docker` on the PATH"
            ) from None
        except subprocess.TimeoutExpired:
            raise StackError(f"docker compose {words[0]}: no end after {ANSWER_WITHIN_S} s") from None
        if done.returncode:
            raise StackError(f"docker compose {words[0]} failed:\n{(done.stderr or '').strip()}")
        return done.stdout or ""

    def up(self, say: Callable[[str], None]) -> None:
        """Start the containers and wait until every part answers. Raises `StackError`."""
        if self._config.own_brokers != 1 or self._config.copies > 1:
            raise StackError(
                "the stack of containers has one broker, its own: HEDGEHOG_BROKERS, HEDGEHOG_REPLICATION beyond 1 and "
                "HEDGEHOG_KAFKA_SECURITY are for HEDGEHOG_INFRA=native and external"
            )
        self._store.ensure(self._jars, say)
        self._store.unpack(self._jars)
        self._write_files()
        say("docker compose: images are fetched when they are not here yet")
        self._run("up", "--detach", "--quiet-pull", "postgres", "broker", shown=True)
        self._await("postgres", partial(roles.answers, self._config), say)
        roles.set_up(self._config)
        self._run("up", "--detach", "--quiet-pull", shown=True)
        for part in ("broker", "registry", "connect"):
            self._await(part, endpoint_probes(self._config)[part][1], say)

    def _write_files(self) -> None:
        home = self._config.data_dir.resolve() / "compose"
        (home / "postgres").mkdir(parents=True, exist_ok=True)
        (home / "postgres" / "pg_hba.conf").write_text(PG_HBA)
        broker = broker_properties(self._config, Path("/var/lib/kafka/data"), ALL_ADDRESSES)
        write_properties(home / "broker" / "server.properties", broker)
        plugins = [Path("/mnt/plugins", section) for section in PLUGIN_SECTIONS]
        worker = worker_properties(self._config, plugins, ALL_ADDRESSES)
        write_properties(home / "connect" / "worker.properties", worker)

    def _await(self, part: str, probe: Callable[[], None], say: Callable[[str], None]) -> None:
        started = time.monotonic()
        endpoint, _ = endpoint_probes(self._config)[part]
        while True:
            try:
                probe()
                say(f"{part:9} up after {time.monotonic() - started:.1f} s, {endpoint}")
                return
            except Exception as error:
                if time.monotonic() > started + READY_WITHIN_S:
                    lines = self._run("logs", "--no-color", "--tail", str(TAIL_LINES), part).splitlines()
                    reason = f"not ready after {READY_WITHIN_S:.0f} s ({error})"
                    raise PartFailed(part, reason, Path(f"docker compose logs {part}"), lines) from error
            time.sleep(POLL_S)

    def down(self, say: Callable[[str], None]) -> None:
        """Stop and remove the containers; the volumes stay."""
        self._run("down", "--remove-orphans")
        say("containers stopped")

    def status(self) -> list[PartStatus]:
        """Return what answers at the endpoints."""
        return statuses(self._config)

    def clean(self) -> list[str]:
        """Remove the containers and their volumes; return what was removed."""
        self._run("down", "--volumes", "--remove-orphans")
        return [f"the containers and volumes of {project_name(self._config.data_dir.resolve())}"]

    def logs(self, part: str | None, follow: bool) -> None:
        """Print the end of the log of `part` (None: of all); with `follow` go on until interrupted."""
        words = ["--follow"] if follow else []
        self._run("logs", "--tail", str(TAIL_LINES), *words, *([part] if part else []), shown=True)
