"""The dashboard without any part of the stack."""

import time
from pathlib import Path

import pytest

from infra.config import Config
from tests.e2e.dashboards import Looking, Served, browsing

pytestmark = pytest.mark.long


def test_it_runs_with_every_part_missing_and_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_BOOTSTRAP", "REGISTRY_URL", "CONNECT_URL", "DATABASE_URL"):
        monkeypatch.delenv(f"HEDGEHOG_{name}", raising=False)
    monkeypatch.setenv("HEDGEHOG_PORT_OFFSET", "29000")
    monkeypatch.setenv("HEDGEHOG_INFRA", "native")
    monkeypatch.setenv("HEDGEHOG_DATA_DIR", str(tmp_path))
    served = Served(Config(), tmp_path, "--without-audit")
    served.start(wait=False)
    try:
        with browsing() as browser, Looking(browser, served) as looking:
            for _ in range(100):
                try:
                    looking.page.goto(served.url + "/market")
                    break
                except Exception:  # it is not there yet
                    time.sleep(0.2)
            for part in ("Kafka does not answer", "The schema registry does", "Kafka Connect does", "Postgres does"):
                looking.page.wait_for_selector(f"text={part}", timeout=30_000)
            assert "No instruments yet" in looking.text("main")
        assert served.process is not None
        assert served.process.poll() is None
    finally:
        assert served.end() == 0
