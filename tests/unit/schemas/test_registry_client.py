"""What is asked of a schema registry, and what becomes of its answers, over a server that plays one."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from schemas.registry_client import RegistryClient, RegistryError


class Registry(HTTPServer):
    """Answers each request with what it was told, and remembers what it was asked."""

    answer: tuple[int, bytes] = (200, b"{}")

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[tuple[str, str, Any, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/apis"


class Answering(BaseHTTPRequestHandler):
    server: Registry

    def _answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = json.loads(data) if data else None
        self.server.asked.append((self.command, self.path, said, self.headers.get("Authorization")))
        status, body = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as registry:
        thread = Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield registry
        registry.shutdown()
        thread.join()


SCHEMA = {"schema": '"string"', "schemaType": "AVRO"}


@pytest.mark.parametrize(
    ("ask", "request_made", "answer", "given"),
    [
        (lambda c: c.register("a/b c", '"string"'), ("POST", "subjects/a%2Fb%20c/versions", SCHEMA), '{"id": 7}', 7),
        (lambda c: c.lookup("a", '"string"'), ("POST", "subjects/a", SCHEMA), '{"id": 8, "version": 1}', 8),
        (lambda c: c.schema(9), ("GET", "schemas/ids/9", None), '{"schema": "\\"long\\""}', '"long"'),
        (lambda c: c.compatibility("a"), ("GET", "config/a", None), '{"compatibilityLevel": "FULL"}', "FULL"),
        (lambda c: c.demand("a", "FULL"), ("PUT", "config/a", {"compatibility": "FULL"}), "{}", None),
    ],
    ids=["register", "lookup", "schema", "compatibility", "demand"],
)
def test_requests(registry: Registry, ask: Any, request_made: Any, answer: str, given: object) -> None:
    registry.answer = (200, answer.encode())
    assert ask(RegistryClient(registry.url + "/")) == given
    method, path, said = request_made
    assert registry.asked == [(method, f"/apis/{path}", said, None)]


def test_who_asks_signs_in_as_the_address_says(registry: Registry) -> None:
    registry.answer = (200, b'{"id": 1}')
    RegistryClient(registry.url.replace("//", "//us%40er:se%3Acret@")).lookup("a", "")
    assert registry.asked[0][3] == "Basic dXNAZXI6c2U6Y3JldA=="


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error_code": 40401, "message": "no such subject"}', "no such subject"),
        (b"<html>", "Not Found"),
        (b"[]", "Not Found"),
    ],
)
def test_a_refusal_says_why(registry: Registry, body: bytes, message: str) -> None:
    registry.answer = (404, body)
    with pytest.raises(RegistryError) as raised:
        RegistryClient(registry.url).schema(1)
    assert (raised.value.status, raised.value.message) == (404, message)
    assert str(raised.value) == f"{message} (HTTP status 404)"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"other": 1}'])
def test_an_answer_that_is_none_of_a_registry(registry: Registry, body: bytes) -> None:
    registry.answer = (200, body)
    with pytest.raises(ValueError, match=r"Expecting value|GET schemas/ids/1: the answer has no schema"):
        RegistryClient(registry.url).schema(1)


def test_where_nobody_answers_it_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="refused"):
        RegistryClient("http://127.0.0.1:1").schema(1)


def test_an_address_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="'file:///etc/hosts' is no address of a registry"):
        RegistryClient("file:///etc/hosts")
