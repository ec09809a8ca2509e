"""What every process tells Prometheus, scraped while they work; and the alerts and panels that are made of it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from infra.config import Config
from infra.supervisor import end_leftovers
from producers import settings_topic
from producers.local_exchange.server import LocalExchange, Play
from producers.local_exchange.simulated import MARKETS, simulated_trades
from producers.publisher import Publisher
from schemas.broker import create_topics, delete_topics
from schemas.records import OrderStatus
from schemas.registry import register_all
from schemas.topics import TRADES
from tests.samples import settings

MONITORING = Path(__file__).parents[2] / "infra" / "monitoring"
PORTS = {"run": 26_060, "producer": 26_040, "notifier": 26_050, "worker": 26_066, "dashboard": 28_090, "guard": 26_055}
WITHIN_S = 120.0
RATE = 200
OF_PROMETHEUS = {"up": {"job", "process"}}
"""What no process tells: Prometheus has it of every target."""
OF_TARGETS = {"job", "process", "instance"}
Samples = dict[str, list[dict[str, str]]]
"""By the name of a sample the labels of each."""


@contextmanager
def local_exchange() -> Iterator[str]:
    """A market that goes on until the end of the block; its stream's address."""
    start, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    address = []

    async def play() -> None:
        exchange = LocalExchange(
            [market.instrument() for market in MARKETS],
            Play(lambda: simulated_trades(5, RATE, time.time_ns() // 1_000), wait_for=frozenset({MARKETS[0].symbol})),
        )
        await exchange.start()
        address.append(exchange.stream_url)
        start.set()
        await stop.wait()
        await exchange.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(play()))
    thread.start()
    start.wait(10)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@contextmanager
def webhook() -> Iterator[str]:
    """Somebody who takes every message; the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def scraped(stack: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Samples]]:
    """All processes at work: orders, fills, alerts, and a dead letter; what each of them told, by process."""
    folder = tmp_path_factory.mktemp("metrics")
    config = stack.model_copy(update={"topic_prefix": f"metrics-{time.time_ns()}-"})
    create_topics(config)
    register_all(config)
    symbols = [market.symbol for market in MARKETS]
    quick = {"buy_down_interval": "0.0001", "profit_interval": "-0.0019", "rebuy_interval": "0.001", "fee": "0.001"}
    for market in MARKETS:
        chosen = settings(f"binance:{market.symbol}", streaming=True, budget="1000", chunks=5, **quick)
        settings_topic.write(config, [market.instrument(), chosen])
    with Publisher(config) as publisher:
        publisher.publish(TRADES, f"binance:{symbols[0]}", b"no trade")
    with local_exchange() as stream_url, webhook() as hook, (folder / "log").open("wb") as out:
        environment = {
            **os.environ,
            **{f"HEDGEHOG_{name}_STREAM_URL": "ws://127.0.0.1:9" for name in ("COINBASE", "BITSTAMP")},
            "HEDGEHOG_BINANCE_STREAM_URL": stream_url,
            "HEDGEHOG_BINANCE_REST_URL": stream_url.replace("ws://", "http://"),
            "HEDGEHOG_EXCHANGES": "binance",
            "HEDGEHOG_TOPIC_PREFIX": config.topic_prefix,
            "HEDGEHOG_DATA_DIR": str(folder / "data"),
            "HEDGEHOG_NOTIFY_WEBHOOK": hook,
            "HEDGEHOG_WATCH_SINKS": "false",
            "PYTHONPATH": os.environ.get("PYTHONPATH", os.getcwd()),
        }
        command = [sys.executable, "-m", "streams.cli.main", "run"]
        running = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield _scraped_in_time(stack.port_offset, running, folder / "log")
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)
            end_leftovers(folder / "data" / "run")
    delete_topics(config)


def _scraped_in_time(offset: int, running: "subprocess.Popen[bytes]", log: Path) -> dict[str, Samples]:
    """Scrape until everything has happened that is waited for."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        found = {name: _scrape(port + offset) for name, port in PORTS.items()}
        lacking = [
            f"{process}: {name}"
            for process, names in WAITED_FOR.items()
            for name in names
            if name not in found[process]
        ]
        if not lacking:
            return found
        assert running.poll() is None, log.read_text()[-4_000:]
        assert time.monotonic() < deadline, (lacking, log.read_text()[-4_000:])
        time.sleep(0.5)


WAITED_FOR = {
    "run": ["hedgehog_program_running", "hedgehog_program_restarts_total"],
    "producer": ["hedgehog_trades_published_total", "hedgehog_symbols_streamed"],
    "worker": ["hedgehog_orders_total", "hedgehog_fills_total", "hedgehog_lag_records"],
    "notifier": ["hedgehog_alerts_sent_total"],
    "dashboard": ["hedgehog_dashboard_pages"],
    "guard": ["hedgehog_guard_halts_total"],
}


def _scrape(port: int) -> Samples:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    except httpx.HTTPError:
        return {}
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append({**sample.labels, "": str(sample.value)})
    return found


def expressions() -> list[str]:
    """Every expression of the alert rules and of the dashboard."""
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    board = json.loads((MONITORING / "grafana.json").read_text())
    return [
        *(rule["expr"] for group in rules["groups"] for rule in group["rules"]),
        *(target["expr"] for panel in board["panels"] for target in panel["targets"]),
    ]


def names_in(expression: str) -> list[tuple[str, set[str]]]:
    """Each metric of an expression, with the labels that are asked of it."""
    found = []
    for name, _, matchers in re.findall(r"\b((?:hedgehog|process)_\w+|up)\b(\{([^}]*)\})?", expression):
        found.append((name, set(re.findall(r"(\w+)\s*(?:=|!)", matchers))))
    return found


def told_labels(scraped: dict[str, Samples], name: str) -> set[str]:
    """The labels that a metric has in what was scraped, and those that Prometheus adds."""
    told = [sample for samples in scraped.values() for sample in samples.get(name, [])]
    assert told or name in OF_PROMETHEUS, f"no process tells {name}"
    return OF_TARGETS | OF_PROMETHEUS.get(name, set()) | {label for sample in told for label in sample}


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_asks_for_what_is_told(expression: str, scraped: dict[str, Samples]) -> None:
    names = names_in(expression)
    assert names
    for name, asked in names:
        assert asked <= told_labels(scraped, name), name
    grouped = {label for by in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", by)}
    assert grouped <= set().union(*(told_labels(scraped, name) for name, _ in names))


def test_annotations_and_legends_name_labels_that_are_there(scraped: dict[str, Samples]) -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    board = json.loads((MONITORING / "grafana.json").read_text())
    texts = [
        *((r["expr"], r["annotations"]["summary"]) for group in rules["groups"] for r in group["rules"]),
        *((target["expr"], target["legendFormat"]) for panel in board["panels"] for target in panel["targets"]),
    ]
    for expression, text in texts:
        used = set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", text))
        assert used <= set().union(*(told_labels(scraped, name) for name, _ in names_in(expression))), text


def test_the_numbers_are_of_what_happened(scraped: dict[str, Samples]) -> None:
    def number(process: str, name: str, **labels: str) -> float:
        return sum(float(each[""]) for each in scraped[process].get(name, ()) if labels.items() <= each.items())

    assert number("producer", "hedgehog_trades_published_total", exchange="binance") > 0
    assert number("producer", "hedgehog_symbols_streamed", exchange="binance") == len(MARKETS)
    assert number("worker", "hedgehog_records_applied_total", agent="trading", topic="trades") > 0
    assert number("worker", "hedgehog_dead_letters_total", source="trading") == 1
    new = number("worker", "hedgehog_orders_total", status=OrderStatus.NEW.value)
    assert number("worker", "hedgehog_order_latency_seconds_count") == new > 0
    assert 0 < number("worker", "hedgehog_order_latency_seconds_sum") < new * 30
    assert number("worker", "hedgehog_fills_total", execution="TRADE") > 0
    assert number("notifier", "hedgehog_alerts_sent_total", sink="webhook", outcome="delivered") > 0
    assert number("run", "hedgehog_program_running") == len(PORTS) - 1
    assert number("run", "hedgehog_program_restarts_total") == 0
    assert {each["topic"] for each in scraped["worker"]["hedgehog_lag_seconds"]} >= {"trades", "settings"}


def test_what_prometheus_is_told_to_scrape_are_the_default_ports() -> None:
    told = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())["scrape_configs"][0]["static_configs"]
    found = {each["labels"]["process"]: int(each["targets"][0].rpartition(":")[2]) for each in told}
    defaults = {name: Config.model_fields[f"{name}_port"].default for name in PORTS}
    assert found == defaults == PORTS
