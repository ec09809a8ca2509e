"""`python -m connectors apply|status|watch`: the sinks that Kafka Connect runs."""

import signal
import sys
import threading

from connectors.apply import SinkState, apply_all, states, watch
from infra.config import Config, load_config
from infra.errors import StackError

USAGE = "usage: python -m connectors apply|status|watch"


def main(arguments: list[str]) -> int:
    """0: done, all run. 1: a sink does not run, or Kafka Connect does not answer. 2: wrong usage."""
    try:
        match arguments:
            case ["apply"]:
                return _show(apply_all(load_config()))
            case ["status"]:
                return _show(states(load_config()))
            case ["watch"]:
                return _watch(load_config())
    except StackError as error:
        print(f"hedgehog: {error}", file=sys.stderr)
        return 1
    print(USAGE, file=sys.stderr)
    return 2


def _show(sinks: list[SinkState]) -> int:
    for sink in sinks:
        print(f"{sink.name:16} {sink.state:10} tasks {', '.join(sink.tasks) or 'none'} {sink.error}".rstrip())
    return 0 if all(sink.running for sink in sinks) else 1


def _watch(config: Config) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    watch(config, stop, lambda text: print(text, file=sys.stderr, flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
