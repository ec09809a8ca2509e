"""Quix Streams reads the topic of trades and does nothing with it. Argument: how many records; prints the seconds.

Runs in an environment of its own (`infra/requirements-bench.lock`); the folder of the project is on the path.
"""

import json
import sys
import time

from quixstreams import Application

from infra.config import load_config
from schemas.topics import TRADES


def main(total: int) -> None:
    """Count from the first record to the last, so that the start is left out."""
    config = load_config()
    app = Application(
        broker_address=config.bootstrap,
        consumer_group=f"{config.topic_prefix}quix-replay",
        auto_offset_reset="earliest",
        loglevel="WARNING",
    )
    left, began = total, 0.0

    def count(_: bytes) -> None:
        nonlocal left, began
        if left == total:
            began = time.perf_counter()
        left -= 1
        if left == 0:
            print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)
            app.stop()

    app.dataframe(app.topic(TRADES.full_name(config), key_deserializer="bytes", value_deserializer="bytes")).update(
        count
    )
    app.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
