"""Whether somebody does what the settings ask for: workers that trade, producers that stream, and sinks that write."""

import time
from collections import Counter
from typing import Any

from infra.config import Config
from producers.presence import producers
from producers.settings_topic import read_all
from schemas.broker import admin
from schemas.coordinators import members
from schemas.groups import sink_group
from schemas.offsets import committed
from schemas.records import TradingStatus
from schemas.topics import SINKS
from streams.cli.pipeline.dead_letters import buried_from
from streams.topics.lag import behind_of, readers, worker_groups

STILL_S = 12.0
"""A reader that has moved nothing for so long stands still: sinks commit every five seconds, workers each second."""


def running(config: Config) -> dict[str, Any]:
    """Return how many workers there are, and who streams from each exchange that is to be streamed."""
    client = admin(config)
    settings = read_all(config)
    streamed = Counter(each.exchange for each in settings.values() if each.streaming)
    traded = sum(each.status is not TradingStatus.OFF for each in settings.values())
    return {
        "traded": traded,
        "workers": members(config, [name for name, joined in worker_groups(client, config).items() if joined]),
        "streamed": dict(streamed),
        "producers": producers(config, sorted(streamed), client),
    }


def missing(found: dict[str, Any]) -> list[str]:
    """Return, in words, who is not there or there twice."""
    said = []
    if found["traded"] and not found["workers"]:
        said.append(f"no worker: {found['traded']} instruments are traded; hedgehog worker")
    for exchange, count in found["streamed"].items():
        who = found["producers"][exchange]
        if not who:
            said.append(f"no producer: {count} instruments of {exchange} are streamed; hedgehog produce")
        elif len(who) > 1:
            said.append(f"{len(who)} producers stream from {exchange}, each trade comes as often: {', '.join(who)}")
    return said


def standing_still(config: Config, wait_s: float = STILL_S) -> list[str]:
    """Return, in words, which workers and sinks have records to read and read none while this waits for them."""
    client, reading = admin(config), readers(config)
    listed = {group.group_id for group in client.list_consumer_groups(request_timeout=20).result().valid}
    wanted = {group: topics for group, topics in reading.items() if group in listed}
    # a reader of a topic that goes on may be as far behind as before: that it commits shows that it reads
    before = committed(config, wanted)
    found = behind_of(config, client, wanted, before)
    still = {group: topics for group, topics in wanted.items() if found[group]}
    deadline = time.monotonic() + wait_s
    while still and time.monotonic() < deadline:
        time.sleep(min(1.0, wait_s))
        now = committed(config, still)
        still = {group: topics for group, topics in still.items() if now[group] == before[group]}
    # a sink commits what it has buried with the next record that it writes
    sinks = {sink_group(config, topic): topic for topic in SINKS}
    buried = {group: buried_from(config, sinks[group], before[group]) for group in still if group in sinks}
    return [
        f"{group} stands still: {found[group]} records behind, none read in {wait_s:g} s"
        for group in still
        if buried.get(group, 0) < found[group]
    ]
