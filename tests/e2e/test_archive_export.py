"""`hedgehog archive export`: the topic as daily files, whatever order and repetition its records have."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from infra.config import Config
from producers.recorded.files import read_trades
from schemas.broker import create_topics, delete_topics
from schemas.records import Trade
from schemas.registry import make_codec
from schemas.topics import TRADES
from streams.archive.read import read_archive
from streams.cli.main import app
from streams.recordings.topic import from_topic
from tests.samples import INSTRUMENT, trade

OTHER = "binance:ETHUSDT"
WRITTEN_MS = 1_700_000_000_000
"""When the first record was written, 2023-11-14T22:13:20Z; one more every second."""
MIDNIGHT = 1_559_520_000_000_000
"""2019-06-03T00:00:00Z: the trades below are from around it, one every ten minutes."""


def at(number: int, instrument: str = INSTRUMENT) -> Trade:
    made = trade("0.43", number, instrument, quantity="123456789012.5")
    moment = MIDNIGHT + (number - 5) * 600_000_000
    return msgspec.structs.replace(made, trade_time=moment, event_time=moment + 7, received_time=moment + 11)


TRADES_OF_TWO_DAYS = [at(number) for number in (1, 2, 3, 4, 5, 8, 9)]
"""There is no trade 6 and no trade 7."""


@pytest.fixture(scope="module")
def world(stack: Config) -> Iterator[Config]:
    """One partition: the trades in their order, another symbol between, one that is not over, and damaged records."""
    config = stack.model_copy(update={"topic_prefix": f"archive-{time.time_ns()}-", "partitions": 1})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in config.model_dump().items():
            patch.setenv(f"HEDGEHOG_{name.upper()}", str(value))
        create_topics(config)
        codec = make_codec(config, Trade)
        now = msgspec.structs.replace(at(20), trade_time=time.time_ns() // 1_000)
        produce(config, [(one.instrument, codec.encode(one)) for one in TRADES_OF_TWO_DAYS])
        others = [(OTHER, codec.encode(at(1, OTHER))), (OTHER, codec.encode(at(2))), (INSTRUMENT, codec.encode(now))]
        produce(config, [*others, (INSTRUMENT, b"no trade"), (INSTRUMENT, codec.write(at(-3)))], second=7)
        yield config
        delete_topics(config)


def produce(config: Config, records: list[tuple[str, bytes]], second: int = 0) -> None:
    producer = Producer({"bootstrap.servers": config.bootstrap, "partitioner": "murmur2_random"})
    for i, (key, value) in enumerate(records):
        producer.produce(TRADES.full_name(config), value, key, timestamp=WRITTEN_MS + 1_000 * (second + i))
    assert producer.flush(30) == 0


def data(*words: object) -> Any:
    result = CliRunner().invoke(app, ["archive", *map(str, words), "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def stored(folder: Path) -> list[Trade]:
    return [trade for path in sorted((folder / "binance/XRPUSDT").glob("*.parquet")) for trade in read_trades(path)]


def test_days_are_those_of_the_trades_and_today_is_left_out(world: Config, tmp_path: Path) -> None:
    given = data("export", "--symbol", "xrpusdt", "--symbol", "ETHUSDT", "--out", tmp_path)
    names = ("instrument", "day", "rows", "gap_ranges", "state")
    assert [tuple(row[name] for name in names) for row in given["days"]] == [
        (OTHER, "2019-06-02", 1, [], "new"),
        (INSTRUMENT, "2019-06-02", 4, [], "new"),
        (INSTRUMENT, "2019-06-03", 3, [[6, 7]], "new"),
    ]
    assert given["unreadable_records"] == {INSTRUMENT: 2, OTHER: 1}
    assert given["trades_of_open_day"] == {INSTRUMENT: 1}
    assert stored(tmp_path) == TRADES_OF_TWO_DAYS
    (archived,) = read_archive([tmp_path], [INSTRUMENT])
    (consumed,) = from_topic(world, [INSTRUMENT], offsets={0: (0, len(TRADES_OF_TWO_DAYS))})
    assert archived.fingerprint == consumed.fingerprint
    assert data("verify", tmp_path)["problems"] == 0


def test_late_and_repeated_records_are_merged(world: Config, tmp_path: Path) -> None:
    """A part by the time of writing, the rest later, and all of it once more: the bytes of one export."""
    folder = tmp_path / "in-parts"
    first = data("export", "--symbol", "XRPUSDT", "--out", folder, "--from", "2023-11-14T22:13:22")["days"]
    assert [row["rows"] for row in first] == [2, 3]
    second = data("export", "--symbol", "XRPUSDT", "--out", folder, "--to", "2023-11-14T22:13:23")["days"]
    assert [(row["rows"], row["added"], row["repeated"], row["state"]) for row in second] == [(4, 2, 1, "merged")]
    again = data("export", "--symbol", "XRPUSDT", "--out", folder)["days"]
    assert [row["state"] for row in again] == ["unchanged", "unchanged"]
    data("export", "--symbol", "XRPUSDT", "--out", tmp_path / "at-once")
    for path in (tmp_path / "at-once").rglob("*.parquet"):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path / "at-once")).read_bytes()
