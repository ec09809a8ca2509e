"""The configuration and the endpoints: is somebody there, asked with one connection, before anything waits."""

import socket
from urllib.parse import urlsplit

from infra.config import Config, load_config
from infra.errors import Unreachable
from infra.passwords import OWNER, password_of

TIMEOUT_S = 1.0


def with_broker() -> Config:
    """Return the configuration, once its broker was seen to listen; `Unreachable` names the endpoint otherwise."""
    config = load_config()
    need_broker(config)
    return config


def with_settings() -> Config:
    """Return the configuration, once broker and registry were seen to listen: all that the settings need."""
    config = with_broker()
    need_registry(config)
    return config


def need_broker(config: Config) -> None:
    """Raise `Unreachable` unless a broker listens."""
    servers = [server.strip() for server in config.bootstrap.split(",")]
    if not any(listens(*_host_port(f"//{server}", 9092)) for server in servers):
        raise Unreachable(f"no Kafka broker listens at {config.bootstrap}")


def need_registry(config: Config) -> None:
    """Raise `Unreachable` unless the schema registry listens."""
    if not listens(*_host_port(config.registry, 80)):
        raise Unreachable(f"no schema registry listens at {config.registry_shown}")


def need_connect(config: Config) -> None:
    """Raise `Unreachable` unless Kafka Connect listens."""
    if not listens(*_host_port(config.connect, 80)):
        raise Unreachable(f"no Kafka Connect listens at {config.connect_shown}")


def need_database(config: Config) -> None:
    """Raise `Unreachable` unless PostgreSQL listens, and a password of the stack's own is there."""
    host, port = database_address(config)
    if not listens(host, port):
        raise Unreachable(f"no PostgreSQL listens at {host}:{port}")
    if config.wants_own_password and password_of(config.data_dir, OWNER) is None:
        raise Unreachable(
            f"the PostgreSQL at {host}:{port} wants a password, and there is none in {config.data_dir.resolve()}: "
            "its stack was started with another HEDGEHOG_DATA_DIR, or by a version before"
        )


def database_address(config: Config) -> tuple[str, int]:
    """Return host and port of the warehouse; its URL holds a password and is never shown."""
    return _host_port(config.database, 5432)


def listens(host: str, port: int) -> bool:
    """Return whether a TCP connection is taken within `TIMEOUT_S` seconds."""
    try:
        with socket.create_connection((host, port), TIMEOUT_S):
            return True
    except OSError:
        return False


def _host_port(url: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or default_port
