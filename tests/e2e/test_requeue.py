"""Dead letters on the real broker that go back into their topics, and those that may not."""

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from infra.config import Config
from producers.settings_topic import read_instruments
from schemas.dead_letters import VALUE_BYTES, dead_letter
from schemas.records import DeadLetter, Instrument
from schemas.registry import make_codec
from schemas.topics import DEAD_LETTERS, INSTRUMENTS, sink_dead_letters
from streams.cli.main import app
from tests import samples
from tests.e2e.test_cli_commands import world

DEADLINE_S = 30.0
KEY = samples.INSTRUMENT.encode()


@pytest.fixture(scope="module")
def config(stack: Config) -> Iterator[Config]:
    with world(stack) as config:
        yield config


def bury(config: Config, key: bytes | None, value: bytes | None, topic: str = "instruments") -> str:
    """Write a letter as an agent does; return its id."""
    letter = dead_letter("trading", f"{config.topic_prefix}{topic}", 0, 5, key, value, "no valid one", 1)
    return produce(config, DEAD_LETTERS.name, make_codec(config, DeadLetter).encode(letter))


def produce(config: Config, name: str, value: bytes, key: bytes | None = None, **headers: Any) -> str:
    places: list[str] = []
    producer = Producer({"bootstrap.servers": config.bootstrap, "message.max.bytes": 4 << 20})
    producer.produce(
        f"{config.topic_prefix}{name}",
        value,
        key,
        partition=1,
        headers={f"__connect.errors.{field}": text for field, text in headers.items()},
        on_delivery=lambda _, message: places.append(f"{name}:{message.partition()}:{message.offset()}"),
    )
    assert producer.flush(DEADLINE_S) == 0
    return places[0]


def encoded(config: Config, instrument: Instrument) -> bytes:
    return make_codec(config, Instrument).encode(instrument)


def requeue(letter_id: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["dlq", "requeue", letter_id])
    return result.exit_code, result.stderr


def test_a_record_goes_back_under_its_key(config: Config) -> None:
    instrument = samples.instrument(updated_time=7)
    assert requeue(bury(config, KEY, encoded(config, instrument)))[0] == 0
    assert read_instruments(config) == {samples.INSTRUMENT: instrument}


def test_the_record_of_a_sinks_letter_goes_back(config: Config) -> None:
    instrument = samples.instrument(updated_time=8)
    letter = produce(
        config,
        sink_dead_letters(INSTRUMENTS).name,
        encoded(config, instrument),
        KEY,
        topic=INSTRUMENTS.full_name(config).encode(),
    )
    assert requeue(letter)[0] == 0
    assert read_instruments(config) == {samples.INSTRUMENT: instrument}


def test_what_would_be_refused_again_stays_where_it_is(config: Config) -> None:
    known = read_instruments(config)
    other = encoded(config, samples.instrument(updated_time=9))
    refused = {
        bury(config, KEY, b"garbage"): "the record cannot be read today either: not the Confluent wire format",
        bury(config, KEY, None): "the record cannot be read today either: no value",
        bury(config, b"binance:OTHER", other): f"key: b'binance:OTHER' is not {samples.INSTRUMENT}",
        bury(config, None, other): f"key: None is not {samples.INSTRUMENT}",
        bury(config, KEY, other, "nowhere"): "nowhere' takes no records of an instrument",
        bury(config, KEY, other, "dead-letters"): "dead-letters' takes no records of an instrument",
        bury(config, KEY, other + bytes(VALUE_BYTES)): "holds but a part of its record: no valid one (the first ",
        produce(config, DEAD_LETTERS.name, b"x"): "the dead letter itself cannot be read",
        "dead-letters:1:999": "there is no dead letter",
    }
    for letter, reason in refused.items():
        code, said = requeue(letter)
        assert (code, reason in said) == (2, True), said
    assert read_instruments(config) == known
