"""`hedgehog notify` on a real broker, against a local server of the Bot API: kills, commands, what the file keeps."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.config import Config
from producers.publisher import Publisher
from producers.settings_topic import read_all, read_watches, write
from schemas.broker import admin, create_topics, delete_topics
from schemas.groups import notifier_group
from schemas.market_records import Alert
from schemas.records import DeadLetter, Fill, Keyed, Trade, TradingStatus
from schemas.registry import make_codec, register_all
from schemas.topics import ALERTS, DEAD_LETTERS, FILLS, TRADES, Topic
from schemas.units import ONE
from streams.topics.lag import behind
from streams.topics.read import messages
from tests import samples
from tests.faults.fleet import Fleet, wait_for
from tests.unit.streams.notify.bot_api import TOKEN, BotApiThread

XRP, ETH = "test:XRPUSDT", "test:ETHUSDT"
CHAT = 7
ALERTS_TOLD = 12


class Notifying:
    """The topics of one test, and notifiers as processes."""

    def __init__(self, config: Config, folder: Path, server: BotApiThread) -> None:
        self.config, self.folder, self.server = config, folder, server
        self.log_file = folder / "notify.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HEDGEHOG_TOPIC_PREFIX": self.config.topic_prefix,
            "HEDGEHOG_PARTITIONS": str(self.config.partitions),
            "HEDGEHOG_DATA_DIR": str(self.folder),
            "HEDGEHOG_TELEGRAM_TOKEN": TOKEN,
            "HEDGEHOG_TELEGRAM_CHATS": str(CHAT),
            "HEDGEHOG_TELEGRAM_URL": self.server.api.url,
            "PYTHONPATH": os.getcwd(),
        }

    def start(self) -> None:
        command = [sys.executable, "-m", "streams.cli.main", "notify"]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(20)

    def hedgehog(self, *words: str) -> Any:
        command = [sys.executable, "-m", "streams.cli.main", *words, "--json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def publish(self, topic: Topic, *records: Keyed) -> None:
        assert topic.record is not None
        codec = make_codec(self.config, topic.record)
        with Publisher(self.config) as publisher:
            for record in records:
                publisher.publish(topic, record.instrument, codec.encode(record))

    @property
    def texts(self) -> list[str]:
        return self.server.api.texts

    def until_said(self, words: str, fleet: Fleet | None = None) -> str:
        """Wait for a message with these words, with all workers of the fleet alive; return the newest."""

        def is_said() -> bool:
            if fleet is not None:
                fleet.assert_alive()
            return any(words in each for each in self.texts)

        wait_for(f"a message with {words!r} among {self.texts}", is_said, 60)
        return next(each for each in reversed(self.texts) if words in each)

    def write_raw(self, topic: Topic, value: bytes) -> None:
        with Publisher(self.config) as publisher:
            publisher.publish(topic, XRP, value)

    def letters(self) -> list[DeadLetter]:
        codec = make_codec(self.config, DeadLetter)
        return [codec.decode(message.value()) for message in messages(self.config, [DEAD_LETTERS])]  # type: ignore[arg-type]

    def lag(self) -> int:
        group = notifier_group(self.config)
        return behind(self.config, admin(self.config), {group: (ALERTS, FILLS)})[group]


@pytest.fixture
def notifying(stack: Config, tmp_path: Path) -> Iterator[Notifying]:
    config = stack.model_copy(update={"topic_prefix": f"notify-{time.time_ns()}-", "partitions": 2})
    create_topics(config)
    register_all(config)
    for key in (XRP, ETH):
        write(config, samples.setup(key, status=TradingStatus.OFF))
    server = BotApiThread()
    notifying = Notifying(config, tmp_path, server)
    yield notifying
    if notifying.process is not None and notifying.process.poll() is None:
        notifying.process.kill()
        notifying.process.wait()
    server.close()
    delete_topics(config)


def alert(number: int, instrument: str = XRP) -> Alert:
    exchange, symbol = instrument.split(":")
    return Alert(
        exchange=exchange,
        symbol=symbol,
        alert_id=f"{instrument}:off-average:up:{number}",
        kind="off-average",
        direction="up",
        price=(1_000 + number) * ONE,
        reference=900 * ONE,
        threshold=2 * ONE // 100,
        value=ONE // 10,
        held_back=number,
        settings_offset=-1,
        event_time=time.time_ns() // 1_000,
    )


@pytest.mark.long
def test_kills_in_the_middle_lose_no_alert_and_repeat_one_each_at_most(notifying: Notifying) -> None:
    assert notifying.hedgehog("watch", "add", "XRPUSDT", "--deviation", "0.01")[0]["after"] == {
        "watched": True,
        "deviation": "0.01",
    }
    kills = 3
    notifying.start()
    notifying.publish(ALERTS, *(alert(number) for number in range(ALERTS_TOLD)))
    for number in range(kills):
        wait_for(f"{3 * number + 2} messages", lambda wanted=3 * number + 2: len(notifying.texts) >= wanted, 40)
        notifying.end(signal.SIGKILL)
        # what is written meanwhile waits in the topic; a repeat by a market agent that was killed, too, is no news
        notifying.publish(ALERTS, alert(0), alert(1))
        notifying.start()
    notifying.write_raw(ALERTS, b"no record")
    notifying.publish(FILLS, samples.fill(f"{ETH}:1:B", transaction_time=time.time_ns() // 1_000))
    notifying.until_said("test:ETHUSDT: BUY 1 filled at 99")
    notifying.until_said(f"{1_000 + ALERTS_TOLD - 1}, 10.00 % above")
    wait_for("everything is committed", lambda: notifying.lag() == 0, 20)

    told = [text for text in notifying.texts if "above its average" in text]
    for number in range(ALERTS_TOLD):
        assert any(f"{1_000 + number}, 10.00 % above" in text for text in told), number
    assert ALERTS_TOLD <= len(told) <= ALERTS_TOLD + kills
    assert [(letter.source, letter.value) for letter in notifying.letters()] == [("notify", b"no record")]
    sent = notifying.server.api.times("sendMessage")
    assert len(sent) == len(notifying.texts)
    assert notifying.end(signal.SIGTERM) == 0
    log = notifying.log_file.read_text()
    assert TOKEN not in log
    assert "Traceback" not in log
    folder = notifying.folder / f"{notifying.config.topic_prefix}notify"
    assert stat.S_IMODE((folder / "state.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_commands_change_what_the_command_line_changes(notifying: Notifying) -> None:
    notifying.start()
    notifying.server.say("/watch xrpusdt")
    notifying.until_said("test:XRPUSDT: watched")
    notifying.hedgehog("watch", "set", "XRPUSDT", "--cooldown", "9m")
    notifying.server.say("/threshold XRP/USDT 1.5%")
    notifying.until_said("an alert beyond 1.5 % off the average")
    watch = read_watches(notifying.config)[XRP]
    assert (watch.watched, watch.cooldown, watch.deviation) == (True, 540, 15 * ONE // 1_000)

    # changed while it runs: what is not watched any more is not told
    notifying.publish(ALERTS, alert(1))
    told = notifying.until_said("1001, 10.00 % above its average of 5 minutes")
    assert "1 more since the last one." in told
    buttons = json.loads(
        next(given["reply_markup"] for _, _, given in notifying.server.api.calls if "1001" in given.get("text", ""))
    )
    why = buttons["inline_keyboard"][0][2]["callback_data"]
    notifying.server.press(why)
    assert "off by     +10.00 %" in notifying.until_said("reference  900")
    notifying.server.say("/unwatch xrpusdt")
    notifying.until_said("not watched any more")
    notifying.publish(ALERTS, alert(2))

    notifying.server.say("/trade ethusdt")
    notifying.until_said("Trade test:ETHUSDT with 300 USDT in 3 chunks?")
    assert read_all(notifying.config)[ETH].status is TradingStatus.OFF
    until = int(time.time()) + 20
    notifying.server.press(f"do:{until}:trade:{ETH}")
    notifying.until_said("test:ETHUSDT: trading is on")
    assert read_all(notifying.config)[ETH].status is TradingStatus.ON
    notifying.server.say("/status")
    assert "traded: test:ETHUSDT on" in notifying.until_said("2 instruments")
    assert not any("1002" in text for text in notifying.texts)
    assert notifying.end(signal.SIGTERM) == 0


@pytest.mark.long
@pytest.mark.timeout(600)
def test_from_a_trade_to_a_chat_and_what_is_watched_changes_on_the_way(notifying: Notifying, tmp_path: Path) -> None:
    with Fleet(notifying.config, tmp_path) as fleet:
        notifying.hedgehog("watch", "add", "XRPUSDT", "--deviation", "0.03")
        fleet.start("worker", "market")
        notifying.start()
        start = time.time_ns() // 1_000 - 60 * SECOND
        prices = [*["100"] * 30, "104", "102", "100"]
        notifying.publish(TRADES, *(at(start + number * SECOND, price, number) for number, price in enumerate(prices)))
        notifying.until_said("test:XRPUSDT: 104, 3.86 % above", fleet)
        assert not any("XRPUSDT: 102" in text for text in notifying.texts)
        notifying.hedgehog("watch", "set", "XRPUSDT", "--deviation", "0.01", "--cooldown", "0s")
        # the change and the trades are of two topics: the worker may see some of these first
        wait_for("2 percent are told", lambda: rises_and_is_told(notifying, start), 40)
        notifying.publish(TRADES, at(start + 180 * SECOND, "100", next(IDS)))
        notifying.until_said("Market, ", fleet)
        fleet.assert_alive()


SECOND = 1_000_000
IDS = count(1_000)
"""Of trades, each its own: one that comes twice counts once."""


def at(moment: int, price: str, number: int) -> Trade:
    return msgspec.structs.replace(samples.trade(price, number, XRP), trade_time=moment)


def rises_and_is_told(notifying: Notifying, start: int) -> bool:
    """Let the price be 2 percent higher for a moment; whether that has been told."""
    moment = start + (time.time_ns() // 1_000 - start) // SECOND * SECOND
    notifying.publish(TRADES, at(moment, "102", next(IDS)), at(moment, "100", next(IDS)))
    return any("XRPUSDT: 102, 1.9" in text for text in notifying.texts)


def test_stdout_is_told_where_nothing_is_configured(notifying: Notifying) -> None:
    environment = {**notifying.environment, "HEDGEHOG_TELEGRAM_TOKEN": "", "HEDGEHOG_TELEGRAM_CHATS": ""}
    command = [sys.executable, "-m", "streams.cli.main", "notify"]
    fill: Fill = samples.fill(f"{ETH}:1:B", transaction_time=time.time_ns() // 1_000)
    notifying.publish(FILLS, fill)
    notifying.process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False
    )
    assert notifying.process.stdout is not None
    line = notifying.process.stdout.readline().decode()
    assert line.endswith(f"test:ETHUSDT: BUY 1 filled at 99 | {ETH}:1:B\n")
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (second.returncode, "another notifier runs with" in second.stderr) == (3, True)
    assert notifying.end(signal.SIGTERM) == 0


def test_a_snooze_for_everybody_is_counted_and_told_in_one_message_afterwards(notifying: Notifying) -> None:
    notifying.hedgehog("watch", "add", "XRPUSDT")
    (snoozed,) = notifying.hedgehog("watch", "snooze", "1h")
    assert snoozed["instrument"] == "everything"
    notifying.start()
    notifying.server.say("/snooze")
    notifying.until_said("everything, for everybody, until")
    notifying.publish(ALERTS, alert(1), alert(2))
    wait_for("both are counted", lambda: notifying.lag() == 0, 40)
    assert not any("above its average" in text for text in notifying.texts)
    assert notifying.hedgehog("watch", "snooze", "off") == [{"instrument": "everything", "until": None}]
    notifying.until_said("2 alerts")
    notifying.publish(ALERTS, alert(3))
    notifying.until_said("1003, 10.00 % above its average of 5 minutes")
    assert notifying.end(signal.SIGTERM) == 0
