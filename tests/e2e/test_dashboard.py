"""The dashboard in a real browser, on a real stack: markets, bots and what changes them."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from infra.config import Config
from schemas import topics
from schemas.records import TradingStatus
from schemas.units import plain
from tests import samples
from tests.e2e.dashboards import (
    BTC,
    COIN,
    IDLE,
    MARKUP,
    ODD,
    PHONE,
    SECOND,
    XRP,
    World,
    browser,
    card,
    prepared_world,
    shows,
)

__all__ = ["browser"]

VIEWS = ("/market", f"/instrument/{XRP}", "/bots", "/pipeline", "/alerts", "/backtests")


@pytest.fixture(scope="module")
def world(browser: Any, stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with prepared_world(stack, tmp_path_factory.mktemp("dashboard"), browser, "dash") as found:
        yield found


def test_a_trade_shows_in_a_moment(world: World) -> None:
    with world.look() as looking:
        looking.open("/market")
        looking.until(shows(BTC, "61000.0000"))
        for price in ("61001", "61002.5", "60999.9999"):
            began = time.monotonic()
            world.trade(BTC, price)
            looking.until(shows(BTC, f"{float(price):.4f}"))
            assert time.monotonic() - began < 5
        assert "−0" not in looking.text(f"{card(BTC)} .hi")
        assert looking.text("#live .word") == "live"


def test_the_list_is_in_the_address_and_back_brings_it_back(world: World) -> None:
    with world.look() as looking:
        page = looking.open(f"/market?keys={XRP},{BTC}")
        names = "[...document.querySelectorAll('.card')].map(card => card.dataset.key).join()"
        looking.until(f"{names} === '{XRP},{BTC}'")
        page.fill("#search", f"btc {SECOND}")
        page.wait_for_selector("#found li[data-key]")
        page.keyboard.press("Shift+Enter")
        looking.until(f"{names} === '{XRP},{BTC},{COIN}'")
        assert page.url.endswith(f"keys={XRP},{BTC},{COIN}")
        page.hover(card(XRP))
        page.click(f"{card(XRP)} .x")
        looking.until(f"{names} === '{BTC},{COIN}'")
        page.go_back()
        looking.until(f"{names} === '{XRP},{BTC},{COIN}'")
        page.go_back()
        looking.until(f"{names} === '{XRP},{BTC}'")
        page.goto(f"{world.served.url}/market?keys=-")
        page.wait_for_selector("text=Nothing on this page")


def test_the_page_comes_back_after_the_server_was_killed(world: World) -> None:
    with world.look() as looking:
        page = looking.open("/market")
        looking.until(shows(COIN, "61061.0000"))
        world.served.end(signal.SIGKILL)
        page.wait_for_selector("text=Not live since")
        assert page.get_attribute("#halt", "aria-disabled") == "true"
        world.trade(COIN, "62000")
        world.served.start()
        looking.until(shows(COIN, "62000.0000"))
        looking.until("document.querySelector('#live .dot.ok') && !document.body.innerText.includes('Not live')")


def test_the_table_of_candles_is_what_was_traded(world: World) -> None:
    with world.look() as looking:
        page = looking.open(f"/instrument/{XRP}?interval=1")
        page.click("summary:has-text('table')")
        cells = "[...row.cells].slice(1, 5).map(cell => cell.textContent)"
        rows = f"[...document.querySelectorAll('#candle-table tbody tr')].map(row => {cells})"
        looking.until(f"{rows}.length > 0")
        prices = [float(price) for price in samples.NINE_TRADES]
        found = page.evaluate(rows)
        assert [[float(cell) for cell in row] for row in found[-1:]] == [
            [prices[0], max(prices), min(prices), prices[-1]]
        ]
        assert page.title().startswith("0.432")


def test_an_order_says_why_it_was_made(world: World) -> None:
    with world.look() as looking:
        page = looking.open(f"/instrument/{XRP}")
        page.click("[data-order] .why-link >> nth=-1")
        page.wait_for_selector("text=the same order as was recorded", timeout=30_000)
        why = looking.text(".why")
        assert "0.0025), tick 0.0001)" in why
        assert "0.4307" in why
        assert f"hedgehog explain {XRP}:1:B" in why


def test_a_control_reaches_the_topic_and_its_effect_comes_back(world: World) -> None:
    with world.look() as looking:
        page = looking.open(f"/instrument/{BTC}")
        looking.until("document.querySelector('.actions [data-action=stop]')?.getAttribute('aria-disabled') === 'true'")
        text = looking.confirm('.actions [data-action="start"]')
        assert "300 USDT in 3 chunks" in text
        assert f"hedgehog trading start {BTC}" in text
        world.until_settings(BTC, lambda found: found.status is TradingStatus.ON)
        looking.until(
            "document.querySelector('.actions [data-action=start]').title === 'trading is on already'", timeout_s=30
        )
        world.trade(BTC, "61500")
        page.wait_for_selector("text=buys at")
        page.wait_for_selector(".st:has-text('open')")  # the order comes by another topic than its trader
        said = "1 trader ends, 1 open order is cancelled"
        assert said in looking.confirm('.actions [data-action="stop"]', said)
        world.until_settings(BTC, lambda found: found.status is TradingStatus.OFF)
        page.wait_for_selector("text=No trader runs")
        page.wait_for_selector(".st:has-text('cancelled')")


def test_a_click_on_what_cannot_be_done_says_why(world: World) -> None:
    with world.look() as looking:
        page = looking.open(f"/instrument/{IDLE}")
        looking.until("document.querySelector('.actions [data-action=stop]')?.getAttribute('aria-disabled') === 'true'")
        page.click(".actions [data-action=stop]", force=True)
        assert "trading is off" in looking.text("dialog")
        page.keyboard.press("Escape")
        assert world.settings(IDLE).status is TradingStatus.OFF


def test_the_form_refuses_as_the_command_does_and_writes_what_is_right(world: World) -> None:
    with world.look() as looking:
        page = looking.open(f"/instrument/{IDLE}")
        page.click("summary:has-text('Settings')")
        page.fill("[name=buy_down_interval]", "0.5.5")
        page.click(".settings [type=submit]")
        page.wait_for_selector(".banner.bad")
        assert "--buy-down: '0.5.5' is not a plain decimal such as 0.0025" in looking.text(".settings .banner.bad")
        page.fill("[name=buy_down_interval]", "2")
        page.click(".settings [type=submit]")
        looking.until("document.querySelector('.settings .banner.bad')?.textContent.includes('is not between')")
        page.fill("[name=buy_down_interval]", "0.02")
        page.fill("[name=chunks]", "7")
        assert f"hedgehog settings set {IDLE} --chunks 7 --buy-down 0.02" in looking.text(".settings .cmd")
        page.click(".settings [type=submit]")
        world.until_settings(IDLE, lambda found: found.chunks == 7)
        assert plain(world.settings(IDLE).buy_down_interval) == "0.02"
        looking.until("!document.querySelector('.settings .cmd')")


def test_names_and_texts_from_outside_are_text(world: World) -> None:
    with world.look() as looking:
        page = looking.open("/market")
        page.wait_for_selector(card(ODD))
        assert MARKUP in looking.text(f"{card(ODD)} .name")
        page.fill("#search", "odd")
        page.wait_for_selector("#found li[data-key]")
        for path in (
            f"/instrument/{ODD}",
            "/pipeline",
            "/alerts",
            "/instrument/evil:%3Cimg%20src=x%20onerror=alert(1)%3E",
        ):
            looking.open(path)
            page.wait_for_timeout(300)
        looking.open("/pipeline")
        page.wait_for_selector(".letters li")
        assert "<script>alert(1)</script>" in looking.text(".letters")
        page.click(".letters .link")
        page.wait_for_selector(".letters pre")
        assert "<svg onload=ale" in looking.text(".letters pre")
        assert page.evaluate("window.hacked") is None
        assert page.evaluate("document.querySelectorAll('img').length") == 0


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_everybody_can_use_it(world: World, theme: str) -> None:
    with world.look(color_scheme=theme) as looking:
        for view in VIEWS:
            looking.open(view)
            looking.page.wait_for_timeout(600)
            assert looking.page.evaluate("document.documentElement.dataset.theme") == theme
            assert looking.violations() == [], view
        looking.open(f"/instrument/{XRP}")
        looking.page.click(".actions [data-action=stop]")
        assert looking.violations() == [], "a dialog"
        looking.page.keyboard.press("Escape")
        looking.open("/market?keys=-")
        assert looking.violations() == [], "an empty page"


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.split("/")[1])
def test_a_phone_shows_it_without_moving_sideways(world: World, view: str) -> None:
    with world.look(size=PHONE, is_mobile=True, has_touch=True) as looking:
        looking.open(view)
        looking.page.wait_for_timeout(500)
        assert not looking.is_too_wide()
        sizes = looking.page.evaluate(
            "[...document.querySelectorAll('.bottom a')].map(link => link.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 44


def test_the_keyboard_is_enough(world: World) -> None:
    with world.look() as looking:
        page = looking.open(f"/market?keys={XRP},{BTC}")
        looking.until("document.querySelectorAll('.card').length === 2")
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.closest('[data-item]').dataset.key") == BTC
        page.keyboard.press("x")
        looking.until("document.querySelectorAll('.card').length === 1")
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/instrument/"))
        looking.until("document.querySelector('h1')?.textContent.startsWith('XRP')")
        page.keyboard.press("3")
        page.wait_for_url(re.compile("interval=15"))
        page.keyboard.press("t")
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        page.keyboard.press("u")
        assert "UTC" in looking.text("#zone")
        page.keyboard.press("?")
        assert "next and previous" in looking.text("dialog")
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.keyboard.type("btc")
        page.wait_for_selector("#found li[data-key]")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        looking.until("document.querySelector('h1')?.textContent.startsWith('BTC')")
        for key in "sdkhaq1234567890":
            page.keyboard.press(key)
        assert page.query_selector("dialog[open]") is None


@pytest.mark.long
@pytest.mark.timeout(600)
def test_after_twenty_kills_under_load_the_page_is_the_fold_of_the_topics(world: World) -> None:
    stop, sent = threading.Event(), 0

    def press() -> None:
        nonlocal sent
        while not stop.is_set():
            world.trade(COIN, *(f"{60_000 + (sent * 7 + i * 13) % 997}.{(sent + i) % 10_000:04d}" for i in range(40)))
            sent += 40
            time.sleep(0.1)

    trading = threading.Thread(target=press)
    with world.look() as looking:
        looking.open("/market")
        trading.start()
        try:
            for kill in range(20):
                time.sleep(0.1 + 0.05 * (kill % 7))
                world.served.end(signal.SIGKILL)
                world.served.start(wait=kill % 3 == 0)
        finally:
            stop.set()
            trading.join()
        world.served.until_ready()
        expected = folded(world, COIN)
        looking.until(shows(COIN, expected["price"]), timeout_s=60)
        found = looking.page.evaluate(
            f"fetch('/api/candles?instrument={COIN}&interval=1').then(answer => answer.json())"
        )
        assert found["candles"] == expected["candles"]
        assert looking.text(f"{card(COIN)} .hi").replace(",", "") == expected["high"]
        assert looking.text(f"{card(COIN)} .lo").replace(",", "") == expected["low"]
        assert sent > 0


def folded(world: World, key: str) -> dict[str, Any]:
    """What the topic alone says of an instrument: every trade, read from the beginning, each once."""
    from schemas.records import Trade  # noqa: PLC0415
    from streams.topics.read import messages  # noqa: PLC0415
    from tests.unit.streams.web.folded import candles_of  # noqa: PLC0415

    codec = world.pipeline.codecs[Trade]
    found = [
        codec.decode(message.value())
        for message in messages(world.pipeline.config, [topics.TRADES])
        if message.key() == key.encode()
    ]
    return candles_of(found)
