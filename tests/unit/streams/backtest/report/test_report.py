"""The report of a backtest: its data against the orders and the result, and the page against what it must never do."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from schemas.records import Setup
from schemas.units import ONE, plain
from streams.backtest.engine.data import Prices
from streams.backtest.engine.reference import SimulatedOrder
from streams.backtest.performance import plain_money, result_of
from streams.backtest.report import About, Objective, Run, objective_named, render, run_page, sweep_page, write_page
from streams.backtest.report.curves import curves_of, marks_of, price_points
from streams.backtest.report.cycles import cycles_of
from streams.backtest.report.figures import duration, percent
from streams.backtest.report.heat import heat_map, shade, short
from streams.backtest.report.page import MARKS_MAX
from streams.backtest.trial import DRAWDOWN, NET, Best, Found, Trial, try_settings
from streams.recordings.recording import Recording
from tests.samples import NINE_TRADES, nine_trade_setup, settings, setup, units

START = 1_559_433_601_000_000
ABOUT = About("abc123", START, seed=7)
MEGABYTES = 10**6


def recording(prices: Sequence[int] | Prices, instrument: str = "binance:XRPUSDT") -> Recording:
    """Trades of these prices, a second apart."""
    count = len(prices)
    at = np.arange(count, dtype=np.int64)
    return Recording(instrument, "a.csv", np.array(prices, np.int64), at + ONE, START + at * 1_000_000, at)


def walk(count: int, seed: int = 1) -> Prices:
    chance = np.random.default_rng(seed)
    prices = 40_000 + chance.integers(-300, 301, count) + chance.integers(-15, 16, count).cumsum().clip(-9_000, 9_000)
    return prices * 1_000


def busy_setup(**changes: str) -> Setup:
    return setup(
        **{
            **{"tick_size": "0.00001", "buy_down_interval": "0.001", "profit_interval": "0"},
            **{"rebuy_interval": "0.002", "fee": "0.001"},
            **changes,
        }
    )


def run(prices: Sequence[int] | Prices, of: Setup, instrument: str = "binance:XRPUSDT") -> Run:
    market = recording(prices, instrument)
    return Run(market, of, try_settings(market, of, "reference"))


def test_curves_and_figures_are_those_of_the_result() -> None:
    market, of, trial, _ = run(walk(3_000), busy_setup())
    assert trial.result.cycles > 20
    curves = curves_of(trial.orders, market.prices, market.times, of, 200)
    assert all(len(series.t) == len(series.v) <= 200 for series in curves)
    assert all(series.t == sorted(series.t) for series in curves)
    net, fall, held = trial.result.net_profit, trial.result.max_drawdown, trial.result.buy_and_hold
    shown = [curves.profit.v[-1], min(curves.fall.v), curves.hold.v[-1]]
    assert shown == [round(float(Decimal(plain_money(amount))), 8) for amount in (net, -fall, held)]
    assert (min(curves.price.v), max(curves.price.v)) == (market.prices.min() / ONE, market.prices.max() / ONE)
    (view,) = run_page([Run(market, of, trial)], ABOUT).runs
    assert list(view.headline.values()) == [plain_money(net), plain_money(held)]
    assert view.figures["Largest drawdown"] == plain_money(fall)
    assert view.figures["Orders"] == f"{len(trial.orders):,}"


@pytest.mark.parametrize(("count", "points"), [(1, 4), (4, 4), (5, 4), (1_000, 4), (1_000, 100), (999, 998)])
def test_points_keep_the_extremes_of_every_part(count: int, points: int) -> None:
    prices = walk(count)
    at = price_points(prices, points)
    assert len(at) <= points
    assert at == sorted(set(at))
    assert (at[0], at[-1]) == (0, count - 1)
    assert {int(prices.min()), int(prices.max())} <= {int(prices[each]) for each in at}


def test_marks_are_the_executions_of_the_orders() -> None:
    market, _, trial, _ = run(walk(3_000), busy_setup())
    for side in ("BUY", "SELL"):
        marks = marks_of(trial.orders, side, market.times, MARKS_MAX)
        filled = sorted((o.filled_at, o.price) for o in trial.orders if o.side == side and o.status == "FILLED")
        assert marks.of == len(filled) > 20
        assert list(zip(*marks.series, strict=True)) == [(at * 1_000, price / ONE) for at, price in filled]


def test_an_order_executed_in_parts_has_a_mark_for_each() -> None:
    parts = SimulatedOrder(1, "BUY", units("99"), units("3"), "FILLED", 0, 3, ((1, units("1")), (3, units("2"))))
    market = recording([units("98")] * 5)
    assert marks_of([parts], "BUY", market.times, 9).series.t == [1_000, 3_000]
    assert cycles_of([parts], market.times, settings(), 9).rows[0].bought == 3_000


def test_cycles_add_up_to_the_result() -> None:
    market, of, trial, _ = run(walk(3_000), busy_setup())
    rows = cycles_of(trial.orders, market.times, of.settings, 1_000).rows
    assert sum(row.sold is not None for row in rows) == trial.result.cycles
    profits, fees = (sum(Decimal(getattr(row, name) or "0") for row in rows) for name in ("profit", "fees"))
    assert profits == Decimal(plain_money(trial.result.realised))
    assert fees == Decimal(plain_money(trial.result.fees))
    assert [row.bought for row in rows] == sorted(row.bought for row in rows)


def test_nine_trades_in_the_table() -> None:
    _, _, _, _, _, _, _, data = run_page([run([units(p) for p in NINE_TRADES], nine_trade_setup())], ABOUT).runs[0]
    assert data["cycles"] == [[1, "46.4", 4_000, "0.4307", 7_000, "0.4319", "0.04002464", "0.01565536"]]


def test_a_million_trades_make_a_small_page_that_says_what_it_leaves_out() -> None:
    prices, of = walk(1_000_000), busy_setup()
    market = recording(prices)
    orders = []
    for trader in range(12_000):
        bought, sold = trader * 83 + 1, trader * 83 + 42
        for side, at in (("BUY", bought), ("SELL", sold)):
            orders.append(SimulatedOrder(trader + 1, side, int(prices[at]), 123_400_000, "FILLED", at - 1, at))
    result = result_of(orders, market.prices, market.times, of)
    page = run_page([Run(market, of, Trial(orders, result, "fast", 1.0))], ABOUT)
    html = render(page)
    assert len(html.encode()) < 3 * MEGABYTES
    for note in (
        "The chart shows 10,000 of 12,000 buys, evenly chosen.",
        "The chart shows 10,000 of 12,000 sells, evenly chosen.",
        "The table has the first 10,000 of 12,000 cycles.",
    ):
        assert note in html


def sweep_of(tried: list[Setup], prices: Prices, parts: Sequence[str] = ("all",)) -> tuple[Best, Run]:
    """The runs of all settings, one by one on the reference engine; both parts are the same trades."""
    market = recording(prices)
    trials = [try_settings(market, each, "reference") for each in tried]
    values = [trial.result.net_profit for trial in trials]
    ranked = sorted(range(len(tried)), key=lambda at: -values[at])
    found = [Found(at, dict.fromkeys(parts, trials[at].result)) for at in ranked[:5]]
    return Best(found, 0.5, 11, values), Run(market, tried[ranked[0]], trials[ranked[0]])


def many_setups() -> list[Setup]:
    return [
        busy_setup(buy_down_interval=down, profit_interval=profit, rebuy_interval=rebuy)
        for down in ("0.001", "0.002", "0.003")
        for profit in ("0", "0.001")
        for rebuy in ("0.002", "0.004", "0.006", "0.008")
    ]


def test_a_heat_map_has_the_best_of_what_a_cell_leaves_out() -> None:
    tried = many_setups()
    best, _ = sweep_of(tried, walk(800))
    found = heat_map(tried, best.values, objective_named(NET), best.found[0].setting)
    assert found is not None
    assert (found.rows.name, found.rows.labels) == ("rebuy", ["0.002", "0.004", "0.006", "0.008"])
    assert (found.columns.name, found.columns.labels) == ("buy down", ["0.001", "0.002", "0.003"])
    for row, rebuy in enumerate(found.rows.labels):
        for column, down in enumerate(found.columns.labels):
            group = {
                at: best.values[at]
                for at, each in enumerate(tried)
                if (plain(each.settings.rebuy_interval), plain(each.settings.buy_down_interval)) == (rebuy, down)
            }
            cell = found.cells[row][column]
            assert cell is not None
            assert f"net profit {plain_money(max(group.values()))} (best of 2 settings here)" in cell.says
            assert f"buy down {down}" in cell.says
            assert f"rebuy {rebuy}" in cell.says
            assert cell.best == (best.found[0].setting in group)
    assert found.notes[0] == "Maximised over profit: 2 values, 0 to 0.001."
    assert found.notes[1].startswith("Fixed: tick 0.00001, step 0.1, chunks 3, budget 300, fee 0.001")


def test_a_heat_map_of_draws_joins_values_and_leaves_out_what_was_not_tried() -> None:
    drawn = [busy_setup(buy_down_interval=plain(i * 1_000), profit_interval=plain(i * 7_000)) for i in range(100)]
    found = heat_map(drawn, list(range(100)), Objective("cycles", str, float), 99)
    assert found is not None
    assert [len(found.rows.labels), len(found.columns.labels)] == [8, 8]
    assert [row.count(None) for row in found.cells] == [7] * 8  # only the diagonal was tried
    assert found.rows.labels[0] == "0 to 0.00012"
    assert "Maximised within 8 ranges of buy down, which had 100 values." in found.notes
    assert (found.lowest, found.highest) == ("12", "99")


def test_a_profit_without_any_drawdown_is_above_all_numbers() -> None:
    tried = [busy_setup(buy_down_interval=down) for down in ("0.001", "0.002", "0.003")]
    found = heat_map(tried, [ONE // 2, None, 3 * ONE], objective_named(DRAWDOWN), 1)
    assert found is not None
    (half,), (endless,), (three,) = found.cells
    assert half is not None
    assert endless is not None
    assert three is not None
    assert [half.short, endless.short, three.short] == ["0.500", "∞", "3"]
    assert (half.shade, endless.shade, endless.best) == ("high1", "high4", True)


def test_one_setting_alone_has_no_heat_map() -> None:
    assert heat_map([setup()], [1], objective_named(NET), 0) is None


@pytest.mark.parametrize(
    ("size", "low", "high", "expected"),
    [
        *((0, -2, 4, "level"), (4, -2, 4, "high4"), (0.5, -2, 4, "high1"), (-2, -2, 4, "low3"), (-0.1, -2, 4, "low1")),
        *((7, 7, 9, "high1"), (9, 7, 9, "high4"), (-9, -9, -7, "low4"), (-7, -9, -7, "low1"), (5, 5, 5, "level")),
    ],
)
def test_shades_tell_gain_from_loss(size: float, low: float, high: float, expected: str) -> None:
    assert shade(size, low, high) == expected


def test_numbers_for_people() -> None:
    assert [short(size) for size in (61.0, -42.239, 1234.5, 0.0301, -0.0004, 9.994)] == [
        *("61", "-42.2", "1,234", "0.030", "0", "9.99")
    ]
    assert [duration(micros) for micros in (0, 999, 1_500_000, 86_398_271_000, 3_600_000_000)] == [
        *("0 µs", "999 µs", "1 s 500 ms", "23 h 59 min", "1 h")
    ]
    assert [percent(fraction) for fraction in (ONE, 66_666_666, -4_070_935, 0)] == [
        *("100\u00a0%", "66.67\u00a0%", "-4.07\u00a0%", "0\u00a0%")
    ]


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and the JSON of its runs."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_hostile_names_stay_text() -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}"
    of = nine_trade_setup(quote_asset=hostile)
    market, _, trial, _ = run([units(price) for price in NINE_TRADES], of, instrument=hostile)
    about = replace(ABOUT, code_version=hostile, options={hostile: hostile})
    trial = Trial(trial.orders, trial.result, hostile, 1.0, hostile)
    html = render(run_page([Run(replace(market, source=hostile), of, trial, hostile)], about))
    plainly = render(run_page([run([units(price) for price in NINE_TRADES], nine_trade_setup())], ABOUT))
    assert hostile not in html
    assert "<img" not in html
    assert "{{7*7}}" in html
    tags, expected = (Tags(each).tags for each in (html, plainly))
    assert [tag for tag, _ in tags].count("script") == [tag for tag, _ in expected].count("script") == 2
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]


def test_the_page_asks_for_nothing() -> None:
    tried = many_setups()
    best, first = sweep_of(tried, walk(300), ("train", "test"))
    parts = dict.fromkeys(("train", "test"), first.recording)
    page = sweep_page(parts, tried, best, objective_named(NET), dict.fromkeys(parts, first.trial), ABOUT)
    for html in (render(page), render(run_page([first], ABOUT))):
        assert not re.findall(r"https?:|//[a-z]|@import|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\(", html)
        assert all(found == "url(#" for found in re.findall(r"url\(.", html))
        for tag, attributes in Tags(html).tags:
            assert tag not in {"iframe", "object", "embed", "img", "base", "form", "audio", "video"}
            assert attributes.get("src") is None
            assert attributes.get("href", "data:,") == "data:,"
        assert "default-src 'none'" in unescape(html)


def test_a_sweep_shows_both_parts_side_by_side() -> None:
    tried = many_setups()
    best, first = sweep_of(tried, walk(300), ("train", "test"))
    parts = dict.fromkeys(("train", "test"), first.recording)
    page = sweep_page(parts, tried, best, objective_named(NET), dict.fromkeys(parts, first.trial), ABOUT)
    assert page.sweep is not None
    assert page.sweep.parts == ["train", "test"]
    assert [view.title for view in page.runs] == ["The best on train", "The best on test"]
    result = best.found[0].results["train"]
    four = [plain_money(result.net_profit), plain_money(result.max_drawdown), f"{result.cycles}", f"{result.orders}"]
    assert page.sweep.rows[0][-8:] == four * 2
    assert page.facts["Seed"] == "7"


def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    page = run_page([run(walk(500), busy_setup())], ABOUT)
    write_page(tmp_path / "a.html", page)
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)
    assert json.loads(data) == json.loads(json.dumps(page.runs[0].data))
    assert page.runs[0].facts["Data fingerprint"] in html
    with pytest.raises(OSError, match="missing"):
        write_page(tmp_path / "missing" / "a.html", page)
