"""The external backend: somebody else runs the servers; this only asks whether they are there."""

import time
from collections.abc import Callable

from infra import probes
from infra.config import Config
from infra.errors import StackError
from infra.status import PartStatus
from infra.urls import without_password

READY_WITHIN_S = 60.0
POLL_S = 0.5
NEEDED = ("kafka_bootstrap", "registry_url", "connect_url", "database_url")


def endpoint_probes(config: Config) -> dict[str, tuple[str, Callable[[], None]]]:
    """Return the endpoint of each part and the question whether it is ready, by name."""
    return {
        "postgres": (without_password(config.database), lambda: probes.database(config.database)),
        "broker": (config.bootstrap, lambda: probes.broker(config)),
        "registry": (config.registry_shown, lambda: probes.registry(config.registry)),
        "connect": (config.connect_shown, lambda: probes.connect(config.connect)),
    }


def statuses(config: Config) -> list[PartStatus]:
    """Return what answers at the endpoints, `up` or `down`."""
    found = []
    for name, (endpoint, probe) in endpoint_probes(config).items():
        try:
            probe()
            state = "up"
        except Exception:
            state = "down"
        found.append(PartStatus(name, state, endpoint))
    return found


class ExternalBackend:
    """Servers at the endpoints that the environment gives."""

    name = "external"

    def __init__(self, config: Config):
        self._config = config
        missing = [f"HEDGEHOG_{field.upper()}" for field in NEEDED if not getattr(config, field)]
        if missing:
            raise StackError(f"HEDGEHOG_INFRA=external needs endpoints; not set: {', '.join(missing)}")

    def up(self, say: Callable[[str], None]) -> None:
        """Wait until all parts answer. Raises `StackError` that names those that do not."""
        deadline = time.monotonic() + READY_WITHIN_S
        waiting = endpoint_probes(self._config)
        while waiting:
            errors = {}
            for name, (endpoint, probe) in list(waiting.items()):
                try:
                    probe()
                    say(f"{name:9} answers, {endpoint}")
                    del waiting[name]
                except Exception as error:
                    errors[name] = f"{name}: {endpoint} does not answer: {error}"
            if waiting and time.monotonic() > deadline:
                raise StackError("\n".join(errors.values()))
            time.sleep(POLL_S if waiting else 0)

    def down(self, say: Callable[[str], None]) -> None:
        """Leave the servers running: who started them stops them."""
        say("external servers are left running")

    def status(self) -> list[PartStatus]:
        """Return what answers at the endpoints."""
        return statuses(self._config)

    def clean(self) -> list[str]:
        """Raise `StackError`: the data are not this installation's to remove."""
        raise StackError("HEDGEHOG_INFRA=external: the data of external servers are not removed from here")

    def logs(self, part: str | None, follow: bool) -> None:
        """Raise `StackError`: the logs are elsewhere."""
        raise StackError("HEDGEHOG_INFRA=external: the logs are where the servers run")
