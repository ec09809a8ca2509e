"""Which sinks are restarted, and when; that a restart helps is shown on the real Kafka Connect in `tests/e2e`."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors import watching
from connectors.interface import SinkState
from connectors.watching import IDLE_S, Restarts, watch
from infra.config import Config


def sink(state: str = "RUNNING", task: str = "RUNNING", name: str = "orders-sink") -> SinkState:
    return SinkState(name, state, (task,), "no table" if state == "FAILED" else "")


def due(restarts: Restarts, state: SinkState, now: float) -> list[tuple[str, float]]:
    return [(why, pause) for _, why, pause in restarts.due([state], now)]


def test_a_failed_sink_is_restarted_at_once_then_after_pauses_that_double() -> None:
    restarts, at = Restarts(), []
    for now in range(200):
        at += [(now, pause) for _, pause in due(restarts, sink("FAILED"), now)]
    assert at == [(0, 2), (2, 4), (6, 8), (14, 16), (30, 32), (62, 60), (122, 60), (182, 60)]


def test_one_that_runs_at_its_next_turn_starts_over_with_the_shortest_pause() -> None:
    restarts = Restarts()
    assert due(restarts, sink("FAILED"), 0) == [("failed: no table", 2)]
    assert due(restarts, sink("FAILED"), 2) == [("failed: no table", 4)]
    assert due(restarts, sink(), 3) == []  # too early to count as well
    assert due(restarts, sink("FAILED"), 6) == [("failed: no table", 8)]
    assert due(restarts, sink(), 14) == []
    assert due(restarts, sink("FAILED"), 15) == [("failed: no table", 2)]


@pytest.mark.parametrize(
    ("idle", "why"),
    [
        (sink("UNASSIGNED"), "was given to nobody"),
        (sink(task="UNASSIGNED"), "was given to nobody"),
        (sink("STOPPED", "STOPPED"), "was stopped and not started again"),
    ],
)
def test_one_that_does_nothing_is_restarted_after_a_while(idle: SinkState, why: str) -> None:
    restarts = Restarts()
    assert due(restarts, idle, 0) == []
    assert due(restarts, idle, IDLE_S - 1) == []
    assert due(restarts, sink(), IDLE_S - 0.5) == []
    assert due(restarts, idle, IDLE_S) == []  # it was given to somebody in between
    assert due(restarts, idle, 2 * IDLE_S) == [(f"{why} for 60 s", 2)]


def test_a_paused_sink_is_left_alone() -> None:
    restarts = Restarts()
    assert [due(restarts, sink("PAUSED", "PAUSED"), now) for now in (0, 500)] == [[], []]


class Connect(HTTPServer):
    """Answers as Kafka Connect does of one sink, whose connector is in `state`; keeps the restarts it was asked for."""

    def __init__(self, name: str, state: str) -> None:
        self.sink, self.state, self.restarts = name, state, list[dict[str, Any]]()
        super().__init__(("127.0.0.1", 0), Answers)


class Answers(BaseHTTPRequestHandler):
    server: Connect

    def do_GET(self) -> None:
        status = {"connector": {"state": self.server.state}, "tasks": [{"state": self.server.state}]}
        self._answer({self.server.sink: {"status": status}})

    def do_PUT(self) -> None:
        self.server.restarts.append({"path": self.path})
        self.server.state = "RUNNING"
        self._answer({})

    def do_POST(self) -> None:
        self.server.restarts.append(parse_qs(urlsplit(self.path).query))
        self.server.state = "RUNNING"
        self._answer({})

    def _answer(self, body: Any) -> None:
        raw = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


WANTED: dict[str, tuple[dict[str, Any], str]] = {
    "FAILED": ({"includeTasks": ["true"], "onlyFailed": ["true"]}, "failed"),
    "UNASSIGNED": ({"includeTasks": ["true"], "onlyFailed": ["false"]}, "was given to nobody"),
    "STOPPED": ({"path": "/connectors/orders-sink/resume"}, "was stopped and not started again"),
}


class NoLetters:
    """No sink has any."""

    def __init__(self, config: Config) -> None:
        """There is no broker."""

    def __enter__(self) -> "NoLetters":
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to let go of."""

    def look(self) -> list[str]:
        return []


@pytest.fixture(params=WANTED)
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    server = Connect("orders-sink", request.param)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_what_is_asked_of_kafka_connect(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "IDLE_S", 0.05)
    monkeypatch.setattr(watching, "Letters", NoLetters)
    (asked, why), stop, said = WANTED[connect.state], threading.Event(), list[str]()

    def say(line: str) -> None:
        said.append(line)
        stop.set()

    watch(Config(connect_url=f"http://127.0.0.1:{connect.server_port}"), stop, say, poll_s=0.02)
    assert connect.restarts == [asked]
    (line,) = said
    assert line.startswith(f"orders-sink {why}")
