"""Is it there? One question per kind of server, the same for every backend. Each raises while the answer is no."""

from typing import Any

import httpx
import psycopg2
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from sqlalchemy.engine import make_url

from infra import clients
from infra.config import Config
from infra.urls import without_password

TIMEOUT_S = 2.0
REFUSALS = (KafkaError._AUTHENTICATION, KafkaError._SSL)


def broker(config: Config, at: str = "") -> None:
    """A broker of the configuration, or the one at `host:port`, answers a metadata request and names a broker.

    `ConnectionError` says where it does not let us in: a wrong password, a certificate that nobody trusts.
    """
    refused: list[str] = []

    def note(error: KafkaError) -> None:
        """librdkafka writes refused connections to stderr; while waiting they are no news."""
        if error.code() in REFUSALS:
            refused.append(error.str())

    quiet: dict[str, Any] = {"socket.timeout.ms": 2000, "log_level": 0, "error_cb": note}
    admin = AdminClient({**clients.librdkafka(config, at), **quiet})
    try:
        brokers = admin.list_topics(timeout=TIMEOUT_S).brokers
    except KafkaException:
        admin.poll(0)
        if refused:
            raise ConnectionError(refused[-1]) from None
        raise
    if not brokers:
        raise ConnectionError(f"no broker behind {at or config.bootstrap}")


def registry(url: str) -> None:
    """The registry lists its subjects through the Confluent-compatible interface."""
    _get(f"{url}/apis/ccompat/v7/subjects")


def connect(url: str) -> None:
    """The Connect worker has joined its group and lists its connectors."""
    _get(f"{url}/connectors")


def _get(url: str) -> None:
    # without TLS there are no certificates to read, which takes 30 ms and the dashboard asks every 2 s
    answer = httpx.get(url, timeout=TIMEOUT_S, verify=url.startswith("https:"))
    if not answer.is_success:
        raise ConnectionError(f"HTTP status {answer.status_code} {answer.reason_phrase}: {without_password(url)}")


def database(url: str) -> None:
    """The database behind an SQLAlchemy URL takes a query."""
    parsed = make_url(url)
    connection = psycopg2.connect(
        host=parsed.host,
        port=parsed.port or 5432,
        user=parsed.username,
        password=parsed.password,
        dbname=parsed.database,
        connect_timeout=int(TIMEOUT_S),
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()
