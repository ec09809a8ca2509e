"""What is served of a process's health, over real HTTP."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from infra.errors import StackError
from infra.health import Health


@pytest.mark.parametrize("ready", [True, False])
def test_readiness_is_what_it_is_said_to_be(ready: bool) -> None:
    def readiness() -> tuple[bool, Mapping[str, Any]]:
        return ready, {"programs": {"producer": "running"}}

    with Health("127.0.0.1", 0, readiness) as health:
        port = health.port
        url = f"http://127.0.0.1:{port}"
        answer = httpx.get(f"{url}/readyz")
        assert answer.status_code == (200 if ready else 503)
        assert answer.json() == {"ready": ready, "programs": {"producer": "running"}}
        assert httpx.get(f"{url}/livez").status_code == 200
        assert httpx.get(f"{url}/else").status_code == 404
        told = httpx.get(f"{url}/metrics")
        assert (told.status_code, told.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert "hedgehog_orders_total" in told.text
        with (
            pytest.raises(StackError, match=f"127.0.0.1:{port} cannot be served"),
            Health("127.0.0.1", port, readiness),
        ):
            pass


def test_the_next_free_port_is_taken_where_several_may_run() -> None:
    def readiness() -> tuple[bool, Mapping[str, Any]]:
        return True, {}

    with Health("127.0.0.1", 0, readiness) as first:
        try:
            with Health("127.0.0.1", first.port, readiness, ports=5) as second:
                assert first.port < second.port < first.port + 5
                assert httpx.get(f"http://127.0.0.1:{second.port}/livez").status_code == 200
        except StackError as error:  # the five belong to others
            pytest.skip(str(error))


def test_a_process_that_hangs_is_not_ready() -> None:
    def readiness() -> tuple[bool, Mapping[str, Any]]:
        raise TimeoutError

    with Health("127.0.0.1", 0, readiness) as health:
        assert httpx.get(f"http://127.0.0.1:{health.port}/readyz").status_code == 503
        assert httpx.get(f"http://127.0.0.1:{health.port}/livez").status_code == 200
