"""The configuration and the endpoints: is somebody there, asked with one connection, before anything waits."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from streams.cli.errors import Unreachable

if TYPE_CHECKING:
    from infra.config import Config

TIMEOUT_S = 1.0


def configuration() -> "Config":
    """The configuration of this process; a bad value ends the command with its name."""
    from infra.config import load_config

    return load_config()


def with_broker() -> "Config":
    """The configuration, once its broker was seen to listen; `Unreachable` names the endpoint otherwise."""
    config = configuration()
    need_broker(config)
    return config


def with_settings() -> "Config":
    """The configuration, once broker and registry were seen to listen: all that the settings need."""
    config = with_broker()
    need_registry(config)
    return config


def need_broker(config: "Config") -> None:
    servers = [server.strip() for server in config.bootstrap.split(",")]
    if not any(listens(*_host_port(f"//{server}", 9092)) for server in servers):
        raise Unreachable(f"no Kafka broker listens at {config.bootstrap}")


def need_registry(config: "Config") -> None:
    if not listens(*_host_port(config.registry, 80)):
        raise Unreachable(f"no schema registry listens at {config.registry}")


def need_connect(config: "Config") -> None:
    if not listens(*_host_port(config.connect, 80)):
        raise Unreachable(f"no Kafka Connect listens at {config.connect}")


def need_database(config: "Config") -> None:
    host, port = database_address(config)
    if not listens(host, port):
        raise Unreachable(f"no PostgreSQL listens at {host}:{port}")


def database_address(config: "Config") -> tuple[str, int]:
    """Host and port of the warehouse; its URL holds a password and is never shown."""
    return _host_port(config.database, 5432)


def listens(host: str, port: int) -> bool:
    """Whether a TCP connection is taken within `TIMEOUT_S`."""
    try:
        with socket.create_connection((host, port), TIMEOUT_S):
            return True
    except OSError:
        return False


def _host_port(url: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or default_port
