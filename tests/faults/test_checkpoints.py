"""An agent whose state changes with every trade, stored at checkpoints, counts each trade once, whoever is killed."""

import random
import signal
import time
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

from infra.config import Config
from schemas import topics
from schemas.broker import create_topics, delete_topics
from schemas.journal_records import Applied
from schemas.records import Trade
from schemas.registry import make_codec, register_all
from streams.delivery.changelog import keep_newest
from streams.topics.read import messages
from tests.faults.counting import COUNTING, Count, count, new_count
from tests.faults.fleet import Fleet, Progress, wait_for
from tests.faults.load import SYMBOLS, Load

RESTARTS = 10
TABLES = [*topics.TOPICS.values(), COUNTING.changelog]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_counts_are_exact_after_ten_restarts_and_two_workers_under_load(stack: Config, tmp_path: Path) -> None:
    config = stack.model_copy(update={"topic_prefix": f"checkpoints-{time.time_ns()}-"})
    create_topics(config, TABLES)
    register_all(config)
    chance = random.Random(1)
    progress = Progress(config, COUNTING.name, [topics.TRADES])
    with Fleet(config, tmp_path, "tests.faults.counting") as fleet:
        fleet.start("steady")
        with Load(config, seed=1) as load:
            for restart in range(RESTARTS):
                name = "second" if restart % 3 == 2 else "steady"
                if name == "second":
                    fleet.start("second")
                reached = progress.committed() + chance.choice([1, 1_000])
                wait_for("the workers go on", lambda reached=reached: progress.committed() >= reached)
                time.sleep(chance.random() / 2)  # anywhere between two checkpoints
                fleet.assert_alive()
                fleet.stop(name, signal.SIGKILL if restart % 2 else signal.SIGTERM)
                if name == "steady":
                    fleet.start("steady")
        wait_for("all is counted", lambda: progress.lag() == 0, timeout_s=240)
        fleet.assert_alive()

    counted, told = recount(config)
    assert sum(state.trades for state in counted.values()) == load.published
    assert len(counted) == len(SYMBOLS)
    assert stored(config) == counted
    assert sent(config) == told
    delete_topics(config)


def recount(config: Config) -> tuple[dict[str, Count], dict[str, list[Applied]]]:
    """What the trades in the topic come to, counted one by one, and the records about it."""
    codec = make_codec(config, Trade)
    counts: dict[str, Count] = {}
    told: defaultdict[str, list[Applied]] = defaultdict(list)
    for message in messages(config, [topics.TRADES]):
        trade = codec.decode(message.value())
        state = counts.setdefault(trade.instrument, new_count(trade.instrument.encode()))
        count(state, message.partition() or 0, message.offset() or 0, trade.trade_id)
        told[trade.instrument] += state.outbox  # type: ignore[arg-type]
        state.outbox, state.changed = [], False
    return counts, dict(told)


def stored(config: Config) -> dict[str, Count]:
    """The counts as they were stored last."""
    newest: dict[bytes, bytes] = {}
    keep_newest(newest, ((m.key() or b"", m.value()) for m in messages(config, [COUNTING.changelog])))
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    states = [msgspec.json.decode(decode(value or b"{}")["state"], type=Count) for value in newest.values()]
    return {f"{state.exchange}:{state.symbol}": state for state in states}


def sent(config: Config) -> dict[str, list[Applied]]:
    """The records that were sent, each id once, in order; an `AssertionError` for one id with two contents.

    Without their epochs, which no count can tell.
    """
    codec = make_codec(config, Applied)
    found: defaultdict[str, dict[int, Applied]] = defaultdict(dict)
    for message in messages(config, [topics.APPLIED]):
        record = codec.decode(message.value())
        assert record.epoch > 0
        record = msgspec.structs.replace(record, epoch=0)
        assert found[record.instrument].setdefault(record.version, record) == record
    return {instrument: [by_id[version] for version in sorted(by_id)] for instrument, by_id in found.items()}
