"""What tests of candles share: the newest of each in a topic, a worker that works trades off, what commands say."""

import json
import signal
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from infra.config import Config
from schemas import topics
from schemas.market_records import Candle
from streams.cli.main import app
from streams.demo.candles import FIELDS, KEY, Candles
from streams.demo.topic import records
from tests.faults.fleet import Fleet, Progress, wait_for


def data(*words: object) -> Any:
    """What a command says with `--json`, in this process and its environment."""
    result = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert result.exit_code == 0, (words, result.output, result.exception)
    return json.loads(result.stdout)


def candles_in(config: Config) -> Candles:
    """The candle of the highest revision under each key; each revision has one content."""
    revisions: dict[tuple[Any, ...], Candle] = {}
    for candle in records(config, topics.CANDLES, Candle):
        key = *(getattr(candle, name) for name in KEY), candle.revision
        assert revisions.setdefault(key, candle) == candle
    newest = {key[:-1]: candle for key, candle in sorted(revisions.items())}
    return {key: {name: getattr(candle, name) for name in FIELDS} for key, candle in newest.items()}


def worked_off(config: Config, folder: Path, name: str) -> Candles:
    """The candles that one worker makes of the trades that are there."""
    with Fleet(config, folder) as fleet:
        fleet.start(name, "market")
        progress = Progress(config, "market", [topics.TRADES])
        wait_for("all is worked off", lambda: progress.committed() > 0 and progress.lag() == 0, timeout_s=120)
        fleet.assert_alive()
        fleet.stop(name, signal.SIGTERM)
    return candles_in(config)
