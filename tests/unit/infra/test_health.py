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
        with (
            pytest.raises(StackError, match=f"127.0.0.1:{port} cannot be served"),
            Health("127.0.0.1", port, readiness),
        ):
            pass
