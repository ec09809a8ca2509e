"""A password in the address of a server is shown nowhere, whether the server answers or not."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from pydantic import ValidationError

from connectors.interface import all_connectors
from infra.config import Config, problems
from infra.external import endpoint_probes
from infra.urls import without_password
from schemas.records import Trade
from schemas.registry import make_codec
from streams.cli import endpoints
from streams.cli.pipeline.parts import parts

NOBODY = "http://joe:s3cret@127.0.0.1:9"


class Refusing(BaseHTTPRequestHandler):
    """Lets nobody in."""

    def do_GET(self) -> None:
        self.send_error(401)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=["nobody", "refusing"])
def config(request: pytest.FixtureRequest) -> Iterator[Config]:
    if request.param == "nobody":
        yield Config(registry_url=NOBODY, connect_url=NOBODY)
        return
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://joe:s3cret@127.0.0.1:{server.server_port}"
        yield Config(registry_url=url, connect_url=url)
        server.shutdown()


def said(ask: Callable[[], object]) -> str:
    """What an error says, or the answer."""
    try:
        return str(ask())
    except Exception as error:
        return str(error)


def test_what_is_said_of_servers_holds_no_password(config: Config) -> None:
    everything = {
        "configuration": repr(config),
        "endpoints": str([endpoint for endpoint, _ in endpoint_probes(config).values()]),
        "probes": " ".join(said(probe) for name, (_, probe) in endpoint_probes(config).items() if name != "broker"),
        "need_registry": said(lambda: endpoints.need_registry(config)),
        "need_connect": said(lambda: endpoints.need_connect(config)),
        "status": str([row for row in parts(config) if row["part"] in ("registry", "connect")]),
        "codec": said(lambda: make_codec(config, Trade)),
        "connectors": said(lambda: all_connectors(config)),
    }
    assert all(everything.values())
    assert not {name: text for name, text in everything.items() if "s3cret" in text or "joe" in text}


@pytest.mark.parametrize("field", ["registry_url", "connect_url", "connect_registry_url", "telegram_url"])
def test_a_bad_address_with_a_password_is_not_shown(field: str) -> None:
    with pytest.raises(ValidationError) as error:
        Config(**{field: "ftp://joe:s3cret@host"})  # type: ignore[arg-type]
    (told,) = problems(error.value)
    assert told.startswith(f"HEDGEHOG_{field.upper()}=…: ")
    assert "s3cret" not in told


def test_an_address_keeps_all_but_user_and_password() -> None:
    assert without_password("https://joe:p@host:8080/path?x=1") == "https://host:8080/path?x=1"
    assert without_password("http://host/a@b") == "http://host/a@b"
