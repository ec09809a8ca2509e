"""`python -m producers.replay FILE… --speed N | --flat-out`: recorded trades into Kafka."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from infra.config import Config, load_config
from infra.errors import StackError
from producers.logs import log_to_stderr
from producers.publisher import DeliveryError, Publisher
from producers.pump import Pump
from producers.recorded.files import FileError, FileSource
from schemas.broker import check_topics

INTERRUPTED = 130


def replay(config: Config, paths: list[Path], speed: float | None) -> Pump:
    """Publish recorded files at `speed` times their pace, `None` for flat out; returns when all is acknowledged."""
    check_topics(config)
    with Publisher(config) as publisher:
        pump = Pump(config, publisher)
        asyncio.run(pump.run(FileSource(paths, speed)))
    return pump


def main() -> int:
    """Exit code 0 when every line was published and acknowledged, 1 when some were bad or lost, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m producers.replay", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--speed", type=float, default=1.0, help="so many times the recorded pace (default 1)")
    pace.add_argument("--flat-out", action="store_true", help="as fast as the broker takes them")
    options = parser.parse_args()
    log_to_stderr()
    start = time.monotonic()
    try:
        pump = replay(load_config(), options.files, None if options.flat_out else options.speed)
    except (FileError, DeliveryError, StackError, ConnectionError, ValueError) as error:
        print(f"producers.replay: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    print(f"{pump.report()}; {time.monotonic() - start:.1f} s", file=sys.stderr)
    return 1 if pump.bad_frames else 0


if __name__ == "__main__":
    sys.exit(main())
