"""`/livez`, `/readyz` and `/metrics` over HTTP, for whoever watches over a process: Prometheus, an orchestrator, a
person."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra import metrics
from infra.errors import StackError

log = logging.getLogger(__name__)

PORTS = 10
"""So many ports are tried for a process of which several may run."""

Readiness = Callable[[], tuple[bool, Mapping[str, Any]]]
"""Returns whether all is as it should be, and what is, as JSON."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class Health:
    """Serves on `port`, for 0 on a free one, while it is used in a `with` block.

    Where that is taken it tries the next ones, `ports` in all, and raises `StackError` when none is free.
    """

    def __init__(self, host: str, port: int, readiness: Readiness, ports: int = 1) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    self._answer(*self._found())
                except TimeoutError:  # an event loop that hangs
                    self._answer(*_json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "the process does not answer"}))

            def _found(self) -> tuple[HTTPStatus, str, bytes]:
                if self.path == "/livez":
                    return _json(HTTPStatus.OK, {"live": True})
                if self.path == "/readyz":
                    ready, details = readiness()
                    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
                    return _json(status, {"ready": ready, **details})
                if self.path == "/metrics":
                    return HTTPStatus.OK, metrics.CONTENT_TYPE, metrics.exposition()
                return _json(HTTPStatus.NOT_FOUND, {"error": "there are /livez, /readyz and /metrics"})

            def _answer(self, status: HTTPStatus, content_type: str, raw: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                """Say nothing of a request: there is one every few seconds."""

        self._server = _first_free(host, port, ports, Handler)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> "Health":
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _first_free(host: str, port: int, ports: int, handler: type[BaseHTTPRequestHandler]) -> _Server:
    for number in range(port, port + ports):
        try:
            return _Server((host, number), handler)
        except OSError as error:
            if number + 1 == port + ports:
                raise StackError(f"{host}:{number} cannot be served: {error.strerror}") from None
            log.warning("%s:%d cannot be served (%s); %d is tried", host, number, error.strerror, number + 1)
    raise ValueError(f"ports: {ports} is none")


def _json(status: HTTPStatus, body: Mapping[str, Any]) -> tuple[HTTPStatus, str, bytes]:
    return status, "application/json", json.dumps(body, indent=2).encode() + b"\n"
