"""Records that are none, in every topic that the worker reads: one dead letter each, and everything else goes on."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from infra.config import Config
from schemas import topics
from schemas.dead_letters import KEY_BYTES, VALUE_BYTES
from schemas.records import DeadLetter, Fill, Instrument, Order, Record, Settings, Trade
from schemas.topics import Topic
from streams.audit.audit import audit
from tests import samples
from tests.e2e.workers import Pipeline, partition_of, running_pipeline
from tests.samples import units

INSTRUMENT = "test:POISONUSDT"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def pipeline(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_pipeline(stack, tmp_path_factory.mktemp("poison"), "poison") as running:
        yield running


@dataclass
class Poison:
    """A record that cannot be handled, and what its dead letter is to say."""

    topic: Topic
    name: str
    value: bytes | None
    error: str
    key: str | None = INSTRUMENT


def poisons(pipeline: Pipeline) -> list[Poison]:
    """Every kind of poison for every topic."""
    good: list[tuple[Topic, Record]] = [
        (topics.TRADES, samples.trade("100", 1, INSTRUMENT)),
        (topics.FILLS, samples.fill(f"{INSTRUMENT}:1:B")),
        (topics.ORDERS, samples.order(f"{INSTRUMENT}:9:B", version=1_000)),
        (topics.INSTRUMENTS, samples.instrument(INSTRUMENT)),
        (topics.SETTINGS, samples.settings(INSTRUMENT)),
    ]
    made = []
    for topic, record in good:
        data = pipeline.codecs[type(record)].encode(record)
        made += [
            Poison(topic, "bad magic", b"\x07" + data[1:], "not the Confluent wire format"),
            Poison(topic, "unknown schema", b"\x00\x7f\xff\xff\xff" + data[5:], "schema id 2147483647: unknown"),
            Poison(topic, "another topic's schema", foreign(pipeline), "no valid"),
            Poison(topic, "truncated", data[:-1], "no valid"),
            Poison(topic, "one byte too many", data + b"\x00", "1 bytes too many"),
            Poison(topic, "tombstone", None, "tombstone"),
            Poison(topic, "empty", b"", "not the Confluent wire format"),
            Poison(topic, "a megabyte", data[:5] + b"\xff" * MEGABYTE, "no valid"),
            Poison(topic, "negative number", negative(data, record), "is not between"),
        ]
    nobody = pipeline.codecs[Fill].encode(samples.fill(f"{INSTRUMENT}:4711:B"))
    trade = pipeline.codecs[Trade].encode(samples.trade("100", 1, INSTRUMENT))
    fill = pipeline.codecs[Fill].encode(samples.fill(f"{INSTRUMENT}:1:B"))
    other = pipeline.codecs[Trade].encode(samples.trade("100", 2, "test:OTHERUSDT"))
    free = pipeline.codecs[Order].write(samples.order(f"{INSTRUMENT}:9:B", version=1_000, price=0))
    made += [
        Poison(topics.TRADES, "no key", trade, "key: ", key=None),
        Poison(topics.TRADES, "another instrument's key", other, f"key: {INSTRUMENT.encode()!r} is not test:OTHERUSDT"),
        Poison(topics.ORDERS, "an order for nothing", free, "price: 0 is not between"),
        Poison(topics.FILLS, "no key", fill, "has no leader", key=None),
        Poison(topics.FILLS, "an order that nobody placed", nobody, "client_order_id: "),
        Poison(topics.ORDERS, "no key", pipeline.codecs[Order].encode(samples.order()), "key: ", key=None),
        Poison(topics.INSTRUMENTS, "another instrument's key", of_another(pipeline, samples.instrument), "key: "),
        Poison(topics.SETTINGS, "another instrument's key", of_another(pipeline, samples.settings), "key: "),
    ]
    return made


def foreign(pipeline: Pipeline) -> bytes:
    """A dead letter, well-formed and registered, but not what belongs here."""
    letter = DeadLetter(source="x", topic="x", partition=0, offset=0, key=None, value=None, error="x", time=0)
    data: bytes = pipeline.codecs[DeadLetter].encode(letter)
    return data


def negative(data: bytes, record: Record) -> bytes:
    """The same bytes with a price, or a budget, of -0.00000001."""
    size = 12 if isinstance(record, Settings) else 8
    number = {Instrument: "tick_size", Settings: "budget"}.get(type(record), "price")
    wanted = getattr(record, number).to_bytes(size, "big")
    assert wanted in data
    return data.replace(wanted, b"\xff" * size, 1)


def of_another(pipeline: Pipeline, make: Callable[[str], Record]) -> bytes:
    record = make("test:OTHERUSDT")
    data: bytes = pipeline.codecs[type(record)].encode(record)
    return data


def test_poison_in_every_topic(pipeline: Pipeline) -> None:
    partition = partition_of(INSTRUMENT, pipeline.config.partitions)
    pipeline.set_all(*samples.setup(INSTRUMENT))
    pipeline.until("the leader is on", lambda: pipeline.knows(INSTRUMENT))
    pipeline.trade(INSTRUMENT, "100")
    pipeline.until_statuses(INSTRUMENT, b1="NEW")

    given = {}
    for poison in poisons(pipeline):
        place = pipeline.write_raw(poison.topic, poison.key, poison.value, partition)
        given[(poison.topic.full_name(pipeline.config), *place)] = poison

    # The neighbours that come after them: settings, a trade, an order, a fill, in both agents.
    pipeline.set_all(samples.settings(INSTRUMENT, profit_interval="0.05"))
    pipeline.until(
        "the settings are taken",
        lambda: len([event for event in pipeline.journal(INSTRUMENT) if event.settings]) == 2,
    )
    pipeline.trade(INSTRUMENT, "98")
    pipeline.until_statuses(INSTRUMENT, b1="FILLED", s1="NEW")
    assert pipeline.orders(INSTRUMENT)["1:S"].price == units("103.95")
    pipeline.trade(INSTRUMENT, "104")
    pipeline.until_statuses(INSTRUMENT, b1="FILLED", s1="FILLED")

    letters = pipeline.records(topics.DEAD_LETTERS, DeadLetter)
    found = {(letter.topic, letter.partition, letter.offset): letter for letter in letters}
    assert found.keys() == given.keys()
    assert len(letters) == len(given)
    for place, poison in given.items():
        letter = found[place]
        assert poison.error in letter.error, poison.name
        assert letter.value == poison.value, poison.name
        assert letter.key == (poison.key and poison.key.encode()), poison.name
        assert letter.source == ("exchange" if poison.topic is topics.ORDERS else "trading")
    pipeline.fleet.assert_alive()


def test_records_that_are_wide_once_they_are_unpacked(pipeline: Pipeline) -> None:
    """Five megabytes of a key; and more letters about one instrument at once than its state has room for."""
    partition = partition_of(INSTRUMENT, pipeline.config.partitions)
    before = len(pipeline.records(topics.DEAD_LETTERS, DeadLetter))
    pipeline.stop_worker(signal.SIGTERM)
    given = []
    for topic in (topics.TRADES, topics.FILLS, topics.ORDERS, topics.INSTRUMENTS, topics.SETTINGS):
        given.append((topic.name, *pipeline.write_raw(topic, "k" * (5 << 20), b"x", partition)))
    for _ in range(12):
        value = b"\x00" * (3 << 20)
        given.append((topics.SETTINGS.name, *pipeline.write_raw(topics.SETTINGS, INSTRUMENT, value, partition)))
    pipeline.set_all(samples.settings(INSTRUMENT, profit_interval="0.06"))
    pipeline.start_worker()
    pipeline.wait_until_ready()
    wanted = units("0.06")
    pipeline.until(
        "the settings are taken", lambda: pipeline.leader(INSTRUMENT)["settings"]["profit_interval"] == wanted
    )
    pipeline.until("all letters", lambda: len(pipeline.records(topics.DEAD_LETTERS, DeadLetter)) >= before + len(given))
    letters = pipeline.records(topics.DEAD_LETTERS, DeadLetter)[before:]
    names = len(pipeline.config.topic_prefix)
    assert sorted((letter.topic[names:], letter.partition, letter.offset) for letter in letters) == sorted(given)
    assert {len(letter.key or b"") for letter in letters} == {KEY_BYTES, len(INSTRUMENT)}
    assert {len(letter.value or b"") for letter in letters} == {VALUE_BYTES, 1}
    pipeline.fleet.assert_alive()


def test_the_audit_passes_over_it(pipeline: Pipeline) -> None:
    result = audit(pipeline.config)
    assert (result.instruments, result.orders) == (1, 2)
    # but one: a report in the exchange's name that its book never made
    (invented,) = result.differences
    assert (invented.recorded, invented.refolded) == (samples.fill(f"{INSTRUMENT}:4711:B"), None)


def test_no_agent_was_started_again(pipeline: Pipeline) -> None:
    """One process, one generation: whatever was wrong with the records, the worker did not even stumble."""
    log = pipeline.fleet.log("worker")
    assert log.count("Worker ready") == 2  # it was stopped once
    assert "Traceback" not in log
    assert "Crashed" not in log
