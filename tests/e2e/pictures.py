"""`python -m tests.e2e.pictures`: pictures of every page of the dashboard, dark and light, wide and on a phone.

Without `--url` a stack of its own is started with three exchanges, half a day of their trades and a bot or three; with
it the dashboard there is looked at, and nothing is pressed that changes it. They go to `build/pictures`.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from infra.config import Config
from producers.local_exchange.simulated import MARKETS_OF, simulated_trades
from producers.publisher import Publisher
from schemas import topics
from schemas.coordinators import members
from schemas.groups import worker_group
from schemas.records import DeadLetter, Trade
from schemas.registry import make_codec
from schemas.symbols import GLOBAL_IDS
from tests import samples
from tests.e2e.dashboards import PHONE, WIDE, Served, browsing
from tests.faults.fleet import Progress, wait_for
from tests.stack import ROOT, claimed_offset, running_stack

FOLDER = Path("build/pictures")
HISTORY_S = 6 * 3_600
RATES = {"binance": 40, "coinbase": 14, "bitstamp": 5}
LIVE_S = 60
TRADED = ("binance:XRPUSDT", "binance:BTCUSDT", "binance:ADAUSDT", "coinbase:ETH-USD")
WATCHED = (
    *("binance:BTCUSDT", "binance:ETHUSDT", "binance:XRPUSDT", "binance:ADAUSDT"),
    *("coinbase:BTC-USD", "coinbase:ETH-USD", "coinbase:LTC-USD", "coinbase:BTC-EUR"),
    *("bitstamp:BTCUSD", "bitstamp:ETHUSD", "bitstamp:LTCEUR", "bitstamp:ETHEUR"),
)
LIST = ",".join(WATCHED)
PAGES = {
    "market": f"/market?keys={LIST}",
    "instrument": "/instrument/binance:XRPUSDT",
    "bots": "/bots",
    "pipeline": "/pipeline",
    "alerts": "/alerts",
    "backtests": "/backtests",
    "report": "/backtests?run={newest}",
    "compare": "/backtests?compare={newest},{before}",
    "confirm": "/bots",
    "empty": "/market?keys=-",
}
OURS = {"running": "/backtests", "snoozed": "/alerts", "lost": f"/market?keys={LIST}"}
"""Pages of a dashboard that is ours alone, where something is done first that changes it."""


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.pictures", description=__doc__)
    parser.add_argument("--url", help="of a dashboard that runs")
    asked = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if asked.url:
        take(asked.url.rstrip("/"))
        return
    with (
        claimed_offset() as offset,
        running_stack(offset, ROOT / f"pictures-{offset}") as config,
        world(config) as served,
    ):
        take(served.url, served)


def take(url: str, served: Served | None = None) -> None:
    """Take a picture of each page in each theme and size; print where they are."""
    runs = [run["run"] for run in httpx.get(f"{url}/api/ask/runs", trust_env=False).json().get("runs", [])]
    named = {"newest": runs[0], "before": runs[1]} if len(runs) > 1 else {}
    wanted = {name: path.format(**named) for name, path in PAGES.items() if named or "{" not in path}
    with browsing() as browser:
        for theme in ("dark", "light"):
            for size in (WIDE, PHONE):
                options = {"viewport": size, "color_scheme": theme, "reduced_motion": "reduce"}
                context = browser.new_context(**options, device_scale_factor=1.5 if size is WIDE else 2)
                tab = context.new_page()
                for name, path in (wanted | (OURS if served else {})).items():
                    tab.goto(url + path)
                    tab.wait_for_selector("#live .dot.ok")
                    tab.wait_for_timeout(2_500)
                    with done_before(name, tab, served):
                        tab.evaluate("scrollTo(0, 0)")
                        file = FOLDER / f"{name}-{theme}-{size['width']}.png"
                        tab.screenshot(path=file, full_page=True)
                    print(file, flush=True)
                context.close()


@contextmanager
def done_before(name: str, tab: Any, served: Served | None) -> Iterator[None]:
    """What is to be seen on a page of this name; undone afterwards."""
    if name in STEPS:
        STEPS[name](tab)
    if name == "running":
        sweep(tab)
    elif name == "snoozed":
        press(tab, ".panel [data-action=snooze]")
    elif name == "lost":
        halted(served, signal.SIGSTOP)
        tab.wait_for_selector("text=Not live since")
    yield
    if name == "running":
        tab.click(".bt-running button")
        tab.wait_for_selector(".bt .banner.warn")
    elif name == "snoozed":
        tab.wait_for_selector("[data-action=snooze]:has-text('Wake'):not([aria-disabled=true])")
        press(tab, ".panel [data-action=snooze]")
    elif name == "lost":
        halted(served, signal.SIGCONT)


def halted(served: Served | None, how: signal.Signals) -> None:
    assert served is not None
    assert served.process is not None
    served.process.send_signal(how)


def press(tab: Any, selector: str) -> None:
    """Press a control and do what its dialog asks."""
    tab.click(selector)
    tab.click("dialog [data-confirm]")
    tab.wait_for_selector("dialog", state="hidden")
    tab.wait_for_timeout(1_500)


def sweep(tab: Any) -> None:
    """Start a sweep that takes a while."""
    tab.click("[data-kind=sweep]")
    tab.fill('[data-option="--symbol"]', "binance:XRPUSDT")
    tab.fill('[data-option="--chunks"]', "3,5,8")
    tab.fill('[data-option="--buy-down"]', "0.0001:0.02:0.0001")
    tab.fill('[data-option="--profit"]', "0.0001:0.02:0.0001")
    tab.click(".bt [type=submit]")
    tab.wait_for_selector(".bt-running progress[value]", timeout=120_000)
    tab.wait_for_timeout(1_000)


def read_letters(tab: Any) -> None:
    """Open the dead letters that there are."""
    for letter in tab.query_selector_all(".letters .link")[:2]:
        letter.click()
        tab.wait_for_timeout(1_500)


def ask_back(tab: Any) -> None:
    """Let a control ask back."""
    button = tab.query_selector(".bots [data-action=stop]:not([aria-disabled=true])")
    if button is not None:
        button.click()


def explain(tab: Any) -> None:
    """Open the reason of an order that was filled, if there is one."""
    filled = tab.query_selector("tr:has(.st.filled) .why-link")
    if filled is not None:
        filled.click()
        tab.wait_for_selector(".why .cmd", timeout=30_000)
        tab.wait_for_timeout(300)


STEPS: dict[str, Callable[[Any], None]] = {"instrument": explain, "pipeline": read_letters, "confirm": ask_back}
"""What is done on a page before its picture is taken."""


@contextmanager
def world(config: Config) -> Iterator[Served]:
    """Three exchanges with half a day behind them, bots, dead letters and backtests; a dashboard of it."""
    folder = Path(os.environ["HEDGEHOG_DATA_DIR"])
    with ExitStack() as running:
        for at, (name, rate) in enumerate(RATES.items()):
            port = config.port("local_exchange") + 1 + at
            os.environ[f"HEDGEHOG_{name.upper()}_STREAM_URL"] = f"ws://127.0.0.1:{port}"
            os.environ[f"HEDGEHOG_{name.upper()}_REST_URL"] = f"http://127.0.0.1:{port}"
            words = ("--exchange", name, "--port", str(port), "--rate", str(rate), "--seed", str(at + 5))
            running.enter_context(process(folder, "-m", "producers.local_exchange.__main__", *words))
            wait_for(f"{name} answers", lambda port=port: answers(port))  # type: ignore[misc]
        running.enter_context(process(folder, "-m", "faust", "-A", "streams", "worker", "--without-web"))
        wait_for("the worker has joined", lambda: members(config, [worker_group(config)]) == 1, 180)
        for words in (
            ("settings", "seed"),
            ("settings", "set", "--all", "--chunks", "5", "--budget", "1000"),
            ("settings", "set", "--all", "--buy-down", "0.0005", "--profit", "0.001", "--rebuy", "0.002"),
        ):
            hedgehog(*words)
        publish_history(config)
        wait_for("the worker has read the history", lambda: Progress(config).lag() == 0, 400)
        hedgehog("streaming", "start", "--all")
        hedgehog("trading", "start", *TRADED)
        hedgehog("watch", "add", *WATCHED)
        running.enter_context(process(folder, "-m", "producers"))
        for chunks in ("3", "8"):
            of_topic = ("--symbol", "binance:XRPUSDT", "--topic", "--engine", "reference")
            hedgehog("backtest", "run", *of_topic, "--chunks", chunks, "--name", f"{chunks} chunks")
        write_letters(config)
        served = Served(config, folder)
        served.start()
        running.callback(served.end)
        time.sleep(LIVE_S)
        yield served


def publish_history(config: Config) -> None:
    """Publish trades of the last hours, one a second and exchange, that end where the live markets begin."""
    now, codec = time.time_ns() // 1_000, make_codec(config, Trade)
    with Publisher(config) as publisher:
        for at, (name, markets) in enumerate(MARKETS_OF.items()):
            walk = simulated_trades(at + 5, 1, now - HISTORY_S * 1_000_000, markets, name in GLOBAL_IDS)
            for trade in backwards([next(walk) for _ in range(HISTORY_S)], name in GLOBAL_IDS):
                publisher.publish(topics.TRADES, trade.instrument, codec.encode(trade))


def write_letters(config: Config) -> None:
    """A record that nobody can read, and a letter about one that can be read."""
    key = "binance:XRPUSDT"
    trade = make_codec(config, Trade).encode(samples.trade("0.5", 1, key))
    place = {"topic": topics.TRADES.full_name(config), "partition": 0, "offset": 0}
    letter = DeadLetter(
        **{"source": "market", **place, "key": key.encode(), "value": trade},
        **{"error": "an hour ago it could not be handled", "time": time.time_ns() // 1_000},
    )
    with Publisher(config) as publisher:
        publisher.publish(topics.TRADES, key, b"no record of ours")
        codec = make_codec(config, DeadLetter)
        publisher.publish(topics.DEAD_LETTERS, topics.DEAD_LETTERS.key(letter), codec.encode(letter))


def backwards(walk: list[Trade], shared_ids: bool) -> list[Trade]:
    """Return trades at the times of these, with the prices in the other order, and ids that end before the first."""
    prices: dict[str, list[int]] = {}
    for trade in walk:
        prices.setdefault(trade.symbol, []).append(trade.price)
    counts = {symbol: len(walk) if shared_ids else len(of) for symbol, of in prices.items()}
    return [
        msgspec.structs.replace(trade, price=prices[trade.symbol].pop(), trade_id=trade.trade_id - counts[trade.symbol])
        for trade in walk
    ]


def hedgehog(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "streams.cli.main", *words], check=True, timeout=120, capture_output=True)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/local/status", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def process(folder: Path, *words: str) -> Iterator[None]:
    """A program of Python, ended at the end."""
    with (folder / "pictures.log").open("ab") as log:
        running = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log)
    try:
        yield
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


if __name__ == "__main__":
    main()
