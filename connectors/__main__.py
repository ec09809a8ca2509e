"""`python -m connectors provision|apply|status|watch`: what a running stack gets, and the sinks in Kafka Connect.

`provision` creates topics, schemas and tables and applies the sinks; the others are about the sinks alone.
"""

import signal
import sys
import threading
from collections.abc import Callable

from connectors.apply import apply_all
from connectors.interface import SinkState, states
from connectors.provision import provision
from connectors.warehouse import claim
from connectors.watching import watch
from infra.config import Config, load_config
from infra.ending import OF_THE_USER, ended
from infra.stack import to_stderr

INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code.

    0: done, all run. 1: a sink does not run, or a server does not do its part. 2: wrong usage or a bad variable.
    130: interrupted.
    """
    command = COMMANDS.get(arguments[0]) if len(arguments) == 1 else None
    if command is None:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        return command(load_config())
    except OF_THE_USER as error:
        return ended(error)
    except KeyboardInterrupt:
        return INTERRUPTED


def _provision(config: Config) -> int:
    provision(config, to_stderr)
    return 0


def _apply(config: Config) -> int:
    claim(config)
    return _show(apply_all(config))


def _show(sinks: list[SinkState]) -> int:
    for sink in sinks:
        print(f"{sink.name:16} {sink.state:10} tasks {', '.join(sink.tasks) or 'none'} {sink.error}".rstrip())
    return 0 if all(sink.running for sink in sinks) else 1


def _watch(config: Config) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    watch(config, stop, to_stderr)
    return 0


COMMANDS: dict[str, Callable[[Config], int]] = {
    "provision": _provision,
    "apply": _apply,
    "status": lambda config: _show(states(config)),
    "watch": _watch,
}
USAGE = f"usage: python -m connectors {'|'.join(COMMANDS)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
