"""The dashboard in a real browser, on a real stack: what takes long, what is sent back, what is quiet, its states."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import create_engine, insert

from infra.config import Config
from producers.publisher import Publisher
from producers.settings_topic import read_snoozes
from schemas import topics
from schemas.records import DeadLetter, Trade, TradingStatus
from schemas.sql.models import CandleRow
from tests import samples
from tests.e2e.dashboards import (
    BTC,
    COIN,
    IDLE,
    XRP,
    Looking,
    World,
    browser,
    card,
    prepared_world,
    serving,
    shows,
)

__all__ = ["browser"]

PAST_CANDLES = 620
"""More than one answer has."""
BUSY = 120
NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:9/none"


@pytest.fixture(scope="module")
def world(browser: Any, stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with prepared_world(stack, tmp_path_factory.mktemp("deeds"), browser, "deeds") as found:
        yield found


def write_candles(world: World, instrument: str) -> None:
    """Candles of five minutes in Postgres, as the sink writes them: the last one days before the first trade."""
    exchange, symbol = instrument.split(":")
    last = datetime(2019, 5, 28, tzinfo=UTC)
    rows = [
        {
            **{"exchange": exchange, "symbol": symbol, "interval": 5, "open_time": last - timedelta(minutes=5 * at)},
            **{"open": 1, "high": 2, "low": 1, "close": 2, "volume": 1, "quote_volume": 1, "taker_buy_volume": 1},
            **{"trades": 1, "first_trade_id": 1, "last_trade_id": 1, "revision": 0, "complete": True, "closed": True},
        }
        for at in range(PAST_CANDLES)
    ]
    engine = create_engine(world.pipeline.config.database)
    with engine.begin() as connection:
        connection.execute(insert(CandleRow), rows)
    engine.dispose()


def test_older_candles_come_as_one_scrolls_back(world: World) -> None:
    write_candles(world, XRP)
    with world.look() as looking:
        page = looking.open(f"/instrument/{XRP}?interval=5")
        name = "document.querySelector('.chart-box').getAttribute('aria-label')"
        # the memory has one, the first question brings 500 more
        looking.until(f"{name}?.includes('501 candles of 5 minutes')")
        page.hover(".chart-box")
        for _ in range(60):
            page.mouse.wheel(-800, 0)
            if "621 candles" in page.evaluate(name):
                break
            page.wait_for_timeout(50)
        looking.until(f"{name}.includes('621 candles of 5 minutes since 25 May')")
        asked = [url for url in looking.requests if "before=" in url]
        assert len(asked) == len(set(asked)) == 2


def test_a_trader_without_an_order_says_why_not(world: World) -> None:
    limits = {"base_asset": "ETH", "quote_asset": "EUR", "tick_size": "0.01", "step_size": "0.001"}
    setup = samples.setup(IDLE, status=TradingStatus.ON, streaming=True, min_notional="100000", **limits)
    with world.look() as looking:
        page = looking.open(f"/instrument/{IDLE}")
        page.wait_for_selector("text=trading is off")
        world.pipeline.set_all(*setup)
        looking.until("document.querySelector('.why-not, .empty')?.textContent !== undefined")
        world.pipeline.until("ETH's leader trades", lambda: world.pipeline.trades_on(IDLE))
        world.trade(IDLE, "2500")
        page.wait_for_selector(".why-not >> text=was refused by MIN_NOTIONAL; it waits for other settings")
        assert re.search(r"Why not \d+\? its BUY of [\d.]+ at [\d.]+ was refused", looking.text(".why-not"))
        said = "1 trader ends, 0 open orders are cancelled, 0 ETH stay unsold"
        assert said in looking.confirm(".actions [data-action=stop]", said)
        world.until_settings(IDLE, lambda found: found.status is TradingStatus.OFF)


def test_shut_down_and_halt_all_say_in_numbers_what_they_then_do(world: World) -> None:
    world.pipeline.set_all(samples.settings(BTC, status=TradingStatus.ON, streaming=True))
    world.pipeline.until("BTC's leader trades", lambda: world.pipeline.trades_on(BTC))
    world.trade(BTC, "60000")
    world.pipeline.until_statuses(BTC, b1="NEW")
    with world.look() as looking:
        page = looking.open("/bots")
        row = f'tr[data-key="{XRP}"]'
        page.wait_for_selector(f"{row} >> text=running")
        said = "1 trader finishes and none starts; 1 open order stays, 0 XRP are still to be sold"
        text = looking.confirm(f"{row} [data-action=shutdown]", said)
        assert said in text
        assert f"hedgehog trading shutdown {XRP}" in text
        world.until_settings(XRP, lambda found: found.status is TradingStatus.SHUTDOWN)
        page.wait_for_selector(f"{row} >> text=shutting down")
        assert world.pipeline.statuses(XRP)["2:B"] == "NEW"
        page.wait_for_selector(f'tr[data-key="{BTC}"] >> text=running')
        said = "2 traders end, 2 open orders are cancelled. What was bought stays bought."
        text = looking.confirm("#halt", said)
        assert "Stop all 2 bots?" in text
        assert said in text
        assert "hedgehog trading halt --all" in text
        for key in (XRP, BTC):
            world.until_settings(key, lambda found: found.status is TradingStatus.OFF)
        world.pipeline.until_statuses(BTC, b1="CANCELED")
        world.pipeline.until("XRP's order is cancelled", lambda: world.pipeline.statuses(XRP)["2:B"] == "CANCELED")
        looking.until("document.querySelector('#halt').title === 'nothing is traded'", timeout_s=30)


def test_bots_are_sorted_and_filtered(world: World) -> None:
    names = "[...document.querySelectorAll('.bots tbody tr')].map(row => row.dataset.key)"
    world.pipeline.set_all(samples.settings(BTC, status=TradingStatus.ON, streaming=True))
    with world.look() as looking:
        page = looking.open("/bots")
        looking.until(f"{names}.length >= 2")
        page.click("button.sort:has-text('bot')")
        rising = page.evaluate(names)
        assert rising == sorted(rising)
        page.click("button.sort:has-text('bot')")
        assert page.evaluate(names) == rising[::-1]
        assert page.get_attribute("th:has(button.sort:text-is('bot'))", "aria-sort") == "descending"
        page.click("button.sort:text-is('cycles')")
        assert page.evaluate(names)[0] == XRP
        page.fill(".filter", "xrp/usdt")
        assert page.evaluate(names) == [XRP]
        page.fill(".filter", "nothing like it")
        assert page.evaluate(names) == []


def bury(world: World, value: bytes) -> str:
    """A dead letter about this record of the topic of trades; its id."""
    full = topics.TRADES.full_name(world.pipeline.config)
    letter = DeadLetter(
        **{"source": "market", "topic": full, "partition": 0, "offset": 5, "key": COIN.encode(), "value": value},
        **{"error": "it was refused once", "time": time.time_ns() // 1_000},
    )
    encoded = world.pipeline.codecs[DeadLetter].encode(letter)
    partition, offset = world.pipeline.write_raw(topics.DEAD_LETTERS, None, encoded, 0)
    return f"dead-letters:{partition}:{offset}"


def test_a_dead_letter_is_sent_back_from_the_page(world: World) -> None:
    trade = samples.trade("64321", 900_000, COIN)
    letter = bury(world, world.pipeline.codecs[Trade].encode(trade))
    with world.look() as looking:
        page = looking.open("/pipeline")
        of_ours = page.locator(".letters li", has_text="it was refused once").first
        of_ours.locator(".link").click()
        text = looking.confirm(".letters [data-action=requeue]")
        assert f"1 record of {COIN} is written to the end of the topic trades" in text
        assert f"hedgehog dlq requeue {letter}" in text
        page.wait_for_selector("text=Its record is in the topic again")
        of_others = page.locator(".letters li", has_text="alert(1)").first
        of_others.locator(".link").click()
        button = of_others.locator("[data-action=requeue]")
        button.wait_for()
        button.click(force=True)
        assert "Not now: the record cannot be read today either" in looking.text("dialog")
        looking.open("/market")
        looking.until(shows(COIN, "64321.0000"))


def test_a_snooze_is_on_every_page_and_ends_there(world: World) -> None:
    def holds(is_on: bool) -> bool:
        found = read_snoozes(world.pipeline.config).get("*:*")
        return found is not None and (found.until > time.time_ns() // 1_000) is is_on

    with world.look() as looking, world.look() as other:
        looking.open("/alerts")
        other.open("/market")
        text = looking.confirm(".panel [data-action=snooze]")
        assert "No chat and no address is told for an hour" in text
        assert "hedgehog watch snooze 1h" in text
        other.page.wait_for_selector("text=Nobody is told until")
        assert holds(True)
        looking.page.wait_for_selector("[data-action=snooze]:has-text('Wake'):not([aria-disabled=true])")
        looking.confirm(".panel [data-action=snooze]")
        other.page.wait_for_selector("text=Nobody is told until", state="hidden")
        assert holds(False)


@pytest.mark.timeout(600)
def test_a_backtest_runs_from_the_page_to_its_report(world: World) -> None:
    with world.look() as looking:
        page = looking.open("/backtests")
        page.fill('[data-option="--symbol"]', XRP)
        page.fill('[data-option="--chunks"]', "0")
        page.click("summary:has-text('More')")
        page.fill('[data-option="--engine"]', "reference")
        page.fill('[data-option="--name"]', "it's mine")
        typed = looking.text(".bt-foot .cmd code")
        assert typed.endswith(f"""--symbol {XRP} --chunks 0 --engine reference --name 'it'"'"'s mine' --save""")
        page.click(".bt [type=submit]")
        page.wait_for_selector(".bt .banner.bad", timeout=120_000)
        assert "chunks: 0 is not between 1 and 1000" in looking.text(".bt .banner.bad")
        assert looking.text(".bt .cmd code >> nth=0") == typed
        page.click(".bt [type=submit]")
        page.click(".bt-running button")
        page.wait_for_selector(".bt .banner.warn >> text=Cancelled; nothing was saved.")
        page.fill('[data-option="--chunks"]', "5")
        page.click(".bt [type=submit]")
        page.wait_for_selector(".bt-running progress")
        page.wait_for_url(re.compile(r"/backtests\?run=\d+$"), timeout=120_000)
        page.wait_for_selector(".report h2:has-text('Run ')")
        assert looking.text(".report .facts div:has(dt:text-is('cycles')) dd") == "1"
        assert "net profit from 0.00 to" in str(page.get_attribute(".report .course", "aria-label"))
        assert looking.violations() == [], "a report"
        assert f"hedgehog backtest show {page.url.partition('=')[2]}" in looking.text(".run")
        assert page.locator("tr", has_text="it's mine").count() >= 1


def exported(world: World, folder: Path) -> Path:
    """An archive of what the topic has of XRP."""
    argv = [sys.executable, "-m", "streams.cli.main", "archive", "export", "--symbol", XRP, "--out", str(folder)]
    variables = {"HEDGEHOG_TOPIC_PREFIX": world.pipeline.config.topic_prefix}
    subprocess.run(argv, check=True, env={**os.environ, **variables}, timeout=60)
    return folder


@pytest.mark.timeout(600)
def test_a_sweep_over_an_archive_runs_from_the_page_to_its_best_runs(world: World, tmp_path: Path) -> None:
    with world.look() as looking:
        page = looking.open("/backtests")
        page.click("[data-kind=sweep]:not(.field)")
        page.fill('[data-option="--symbol"]', XRP)
        page.select_option("#bt-source", "file")
        page.fill('[data-option="--file"]', str(exported(world, tmp_path)))
        page.fill('[data-option="--chunks"]', "3,5")
        page.fill('[data-option="--profit"]', "0.01,0.02,0.03")
        typed = looking.text(".bt-foot .cmd code")
        assert typed.startswith(
            f"hedgehog backtest sweep --symbol {XRP} --file {tmp_path} --settings live --chunks 3,5"
        )
        page.click(".bt [type=submit]")
        page.wait_for_url(re.compile(r"/backtests\?compare=[\d,]+$"), timeout=120_000)
        page.wait_for_selector("section[aria-label='Runs side by side'] h2:has-text('run ')")
        assert page.locator("section[aria-label='Runs side by side'] tr.differs").count() > 0
        assert looking.violations() == [], "after a sweep"


def test_a_page_says_what_is_empty_loading_stale_or_not_connected(world: World) -> None:
    with world.look() as looking:
        page = looking.open(f"/instrument/{COIN}")
        assert "No orders yet" in looking.text(".ordersp")
        assert "No trader runs" in looking.text("main")
        busy_until(world, COIN, time.time_ns() // 1_000 - 20_000_000)
        looking.open("/market")
        looking.until(shows(COIN, "64400.0000"))
        page.wait_for_selector(f"{card(COIN)}.is-stale >> text=no trade for 3")
        held: list[Any] = []
        page.route("**/static/views/alerts.js", lambda route: held.append(route))  # noqa: PLW0108 -- a built-in cannot be marked
        page.click("nav[aria-label='Pages'] >> text=Alerts")
        page.wait_for_selector(".skel >> text=loading the page")
        held[0].continue_()
        page.wait_for_selector(".skel", state="hidden")
        frozen(world, looking)


def busy_until(world: World, instrument: str, moment: int) -> None:
    """Trades of 64,400 so often that half a minute without one is long, the last of them at this time (µs)."""
    with Publisher(world.pipeline.config) as publisher:
        for at in range(BUSY):
            trade = samples.trade("64400", 900_001 + at, instrument)
            traded = msgspec.structs.replace(trade, trade_time=moment - 1_000_000 * (BUSY - 1 - at))
            publisher.publish(topics.TRADES, instrument, world.pipeline.codecs[Trade].encode(traded))


def frozen(world: World, looking: Looking) -> None:
    """A server that stands still is told within seconds, and nothing can be pressed; it comes back by itself."""
    page = looking.page
    page.wait_for_selector("[data-action=snooze]")  # a page that has its first frame
    assert world.served.process is not None
    world.served.process.send_signal(signal.SIGSTOP)
    try:
        page.wait_for_selector("text=Not live since")
        assert "nothing can be changed" in looking.text("#banners")
        page.click("[data-action=snooze]", force=True)
        assert "the dashboard is not connected" in looking.text("dialog")
        page.keyboard.press("Escape")
    finally:
        world.served.process.send_signal(signal.SIGCONT)
    page.wait_for_selector("text=Not live since", state="hidden")
    page.wait_for_selector("#live .dot.ok")


def test_one_part_that_does_not_answer_is_one_panel(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("apart")
    options = {"HEDGEHOG_DATABASE_URL": NOWHERE}
    with (
        serving(world.pipeline.config, folder, "--without-audit", **options) as served,
        Looking(world.browser, served) as looking,
    ):
        page = looking.open("/backtests")
        page.wait_for_selector("section[aria-labelledby=h-runs] .banner.bad")
        assert "no PostgreSQL listens at 127.0.0.1:9" in looking.text("section[aria-labelledby=h-runs] .banner.bad")
        page.wait_for_selector(f'#bt-instruments option[value="{XRP}"]', state="attached")
        looking.open("/market")
        page.wait_for_selector("#banners >> text=Postgres does not answer")
        looking.until(shows(XRP, "0.4321"))
