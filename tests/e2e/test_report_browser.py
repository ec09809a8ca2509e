"""The report in a real browser, as wide as a desk's screen and as a phone's: drawn, within the screen, on its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from schemas.records import Setup
from schemas.units import ONE
from streams.backtest.report import About, Run, objective_named, run_page, sweep_page, write_page
from streams.backtest.trial import NET, Best, Found, Trial, try_settings
from streams.recordings.recording import Recording
from tests.e2e.chromium import Tab, browser, program
from tests.samples import setup

pytestmark = pytest.mark.asyncio(loop_scope="module")

WIDTHS = (1280, 390)
ABOUT = About("abc123", 1_559_433_601_000_000, seed=7)
MARKS = "document.querySelector('.chart .mark-{}').getAttribute('d').split('M').length - 1"
ROWS = "[...document.querySelectorAll('.cycles tbody tr')].map((row) => row.cells[0].textContent.trim())"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab() -> AsyncIterator[Tab]:
    path = program()
    if path is None:
        pytest.skip("NOT CHECKED: the report in a browser; there is no chromium, chromium-browser or google-chrome")
    async with browser(path) as tab:
        yield tab


def recording() -> Recording:
    chance = np.random.default_rng(1)
    steps = chance.integers(-300, 301, 3_000) + chance.integers(-15, 16, 3_000).cumsum().clip(-9_000, 9_000)
    at = np.arange(len(steps), dtype=np.int64)
    prices = (40_000 + steps) * 1_000
    return Recording("binance:XRPUSDT", "a.csv", prices, at + ONE, 1_559_433_601_000_000 + at * 1_000_000, at)


def some_settings(down: str, profit: str) -> Setup:
    return setup(
        tick_size="0.00001", buy_down_interval=down, profit_interval=profit, rebuy_interval="0.002", fee="0.001"
    )


async def test_a_run(tab: Tab, tmp_path: Path) -> None:
    market, of = recording(), some_settings("0.001", "0")
    trial = try_settings(market, of, "reference")
    file = tmp_path / "run.html"
    write_page(file, run_page([Run(market, of, trial)], ABOUT))
    filled = {side: sum(o.status == "FILLED" and o.side == side for o in trial.orders) for side in ("BUY", "SELL")}
    assert min(filled.values()) > 30
    for width in WIDTHS:
        await tab.open(file, width)
        await stands_alone(tab, file, width)
        await drawn(tab, 3)
        assert await tab.value(MARKS.format("buys")) == filled["BUY"]
        assert await tab.value(MARKS.format("sells")) == filled["SELL"]
        assert int(await tab.value("document.querySelector('.chart .mark-price').dataset.points")) > 1_000
    await zooms_and_pages(tab, filled["BUY"], trial)
    assert tab.errors == []


async def test_a_sweep(tab: Tab, tmp_path: Path) -> None:
    market = recording()
    parts = dict(zip(("train", "test"), market.split(int(market.times[2_000])), strict=True))
    tried = [some_settings(f"0.00{i}", f"0.00{j}") for i in range(1, 5) for j in range(3)]
    trials = [try_settings(parts["train"], each, "reference") for each in tried]
    values = [trial.result.net_profit for trial in trials]
    first = max(range(len(tried)), key=values.__getitem__)
    best_trials = {name: try_settings(part, tried[first], "reference") for name, part in parts.items()}
    found = Found(first, {name: trial.result for name, trial in best_trials.items()})
    file = tmp_path / "sweep.html"
    best = Best([found], 0.1, len(trials[first].orders), values)
    write_page(file, sweep_page(parts, tried, best, objective_named(NET), best_trials, ABOUT))
    for width in WIDTHS:
        await tab.open(file, width, dark=True)
        await stands_alone(tab, file, width)
        await drawn(tab, 6)
        cells = "[...document.querySelectorAll('.heat td')]"
        assert await tab.value(f"{cells}.length") == 12
        assert await tab.value(f"{cells}.filter((cell) => cell.classList.contains('best')).length") == 1
        assert await tab.value(f"new Set({cells}.map((cell) => getComputedStyle(cell).backgroundColor)).size") > 2
        box = await tab.value("document.querySelector('.heat').getBoundingClientRect().toJSON()")
        assert min(box["width"], box["height"]) > 100
        await tab.value("document.querySelector('.heat .best').focus()")
        assert "net profit" in await tab.value("document.querySelector('.readout').textContent")
    assert tab.errors == []


async def stands_alone(tab: Tab, file: Path, width: int) -> None:
    """Nothing but the file was asked for, nothing was complained about, and the page is no wider than the window."""
    assert [address for address in tab.requests if not address.startswith("data:")] == [file.as_uri()]
    assert tab.errors == []
    assert await tab.value("innerWidth") == width
    page = "document.documentElement"
    assert await tab.value(f"{page}.scrollWidth") == await tab.value(f"{page}.clientWidth") > width - 20


async def drawn(tab: Tab, charts: int) -> None:
    """Every chart has a size, and lines that have one."""
    boxes = await tab.value(
        "[...document.querySelectorAll('.chart')].map((chart) => [chart.clientWidth, chart.clientHeight, "
        "...[...chart.querySelectorAll('.mark-price, .mark-profit, .mark-hold, .mark-fall')]"
        ".map((line) => Math.min(line.getBBox().width, line.getBBox().height))])"
    )
    assert len(boxes) == charts
    for width, height, *lines in boxes:
        assert width > 300
        assert height > 100
        assert lines
        assert min(lines) > 10


async def zooms_and_pages(tab: Tab, buys: int, trial: Trial) -> None:
    """The mouse chooses a part of the time, a double click shows all again; the table goes on to its next rows."""
    await tab.value("document.querySelector('.chart').scrollIntoView()")
    box = await tab.value("document.querySelector('.chart').getBoundingClientRect().toJSON()")
    y = box["top"] + 60
    await tab.mouse("mousePressed", box["left"] + 150, y)
    await tab.mouse("mouseMoved", box["left"] + 200, y)
    assert "net profit" in await tab.value("document.querySelector('.tip').textContent")
    await tab.mouse("mouseReleased", box["left"] + 200, y)
    assert 0 < await tab.value(MARKS.format("buys")) < buys / 2
    await tab.value("document.querySelector('[data-do=all]').click()")
    assert await tab.value(MARKS.format("buys")) == buys
    first = await tab.value(ROWS)
    await tab.value("document.querySelector('[data-go=on]').click()")
    second = await tab.value(ROWS)
    bought = sorted((o.filled_at, o.trader) for o in trial.orders if o.side == "BUY" and o.status == "FILLED")
    assert first + second == [str(trader) for _, trader in bought[:50]]
