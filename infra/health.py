"""`/livez` and `/readyz` over HTTP, for whoever watches over a process: an orchestrator, a load balancer, a person."""

import json
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra.errors import StackError

Readiness = Callable[[], tuple[bool, Mapping[str, Any]]]
"""Returns whether all is as it should be, and what is, as JSON."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class Health:
    """Serves on `port`, for 0 on a free one, while it is used in a `with` block.

    Raises `StackError` for a port that is taken.
    """

    def __init__(self, host: str, port: int, readiness: Readiness) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/livez":
                    self._answer(HTTPStatus.OK, {"live": True})
                elif self.path == "/readyz":
                    ready, details = readiness()
                    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
                    self._answer(status, {"ready": ready, **details})
                else:
                    self._answer(HTTPStatus.NOT_FOUND, {"error": "there are /livez and /readyz"})

            def _answer(self, status: HTTPStatus, body: Mapping[str, Any]) -> None:
                raw = json.dumps(body, indent=2).encode() + b"\n"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                """Say nothing of a request: there is one every few seconds."""

        try:
            self._server = _Server((host, port), Handler)
        except OSError as error:
            raise StackError(f"{host}:{port} cannot be served: {error.strerror}") from None

        self.port: int = self._server.server_address[1]

    def __enter__(self) -> "Health":
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
