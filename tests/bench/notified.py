"""A notifier beside the worker, whose every call the Bot API refuses with 429: it is in nothing's way."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from producers import settings_topic
from producers.publisher import Publisher
from schemas.market_records import Alert
from schemas.registry import make_codec
from schemas.topics import ALERTS
from schemas.units import ONE
from schemas.watches import Watch
from tests.bench.process import running
from tests.bench.world import BUILD, World
from tests.unit.streams.notify.bot_api import TOKEN, BotApiThread, too_many

NOTIFIER = [sys.executable, "-m", "streams.cli.main", "notify"]
CHAT = "7"
ALERTS_TOLD = 500
REFUSALS = 100_000
STARTS_WITHIN_S = 60.0


@contextmanager
def refused_notifier(w: World) -> Iterator[None]:
    """Run `hedgehog notify` in world `w`, with alerts to tell and a server that lets none through."""
    server = BotApiThread()
    server.api.faults.extend([too_many(1)] * REFUSALS)
    _give_alerts(w)
    environment = {
        "HEDGEHOG_DATA_DIR": str((BUILD / "bench-notify").resolve()),
        "HEDGEHOG_TELEGRAM_TOKEN": TOKEN,
        "HEDGEHOG_TELEGRAM_CHATS": CHAT,
        "HEDGEHOG_TELEGRAM_URL": server.api.url,
    }
    try:
        with running(w, NOTIFIER, more=environment):
            _until_refused(server)
            yield
    finally:
        server.close()


def _give_alerts(w: World) -> None:
    settings_topic.write(w.config, [Watch(exchange="bench", symbol="ALERTS", updated_time=1)])
    codec, now = make_codec(w.config, Alert), time.time_ns() // 1_000
    with Publisher(w.config) as publisher:
        for number in range(ALERTS_TOLD):
            alert = Alert(
                exchange="bench",
                symbol="ALERTS",
                alert_id=f"bench:ALERTS:off-average:up:{number}",
                kind="off-average",
                direction="up",
                price=ONE,
                reference=ONE,
                threshold=1,
                value=1,
                held_back=0,
                settings_offset=0,
                event_time=now,
            )
            publisher.publish(ALERTS, alert.instrument, codec.encode(alert))


def _until_refused(server: BotApiThread) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not server.api.times("sendMessage"):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the notifier sent nothing within {STARTS_WITHIN_S:g} s")
        time.sleep(0.1)
