"""Says who holds a port before a server fails to get it."""

import socket
from collections.abc import Iterable

import psutil

from infra.config import LOOPBACK
from infra.errors import StackError
from infra.native.part import Part

COMMAND_SHOWN = 100
"""The end of a command line names what a Java process runs; the beginning is flags."""


def taken(port: int) -> bool:
    """Whether something listens on `port` of the loopback address or of all addresses."""
    with socket.socket() as probe:
        # as servers do it: a connection that lingers from the last run is no obstacle
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def owner(port: int) -> str:
    """The process that listens on `port`: pid, name and command line, as far as this user may see them."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        connections = []
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or connection.laddr.port != port or connection.pid is None:
            continue
        try:
            process = psutil.Process(connection.pid)
            return f"process {process.pid} ({process.name()}): …{' '.join(process.cmdline())[-COMMAND_SHOWN:]}"
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return f"process {connection.pid}"
    return "a process that this user cannot see"


def require_free(parts: Iterable[Part]) -> None:
    """Raise `StackError` that names every taken port, its setting and its owner."""
    lines = [
        f"{part.name}: port {port} is taken by {owner(port)}\n  choose another with HEDGEHOG_{setting.upper()}"
        f" (or move all with HEDGEHOG_PORT_OFFSET)"
        for part in parts
        for setting, port in part.ports.items()
        if taken(port)
    ]
    if lines:
        raise StackError("\n".join(lines))


def require_apart(parts: Iterable[Part]) -> None:
    """Raise `StackError` that names two parts which want the same port."""
    wanted: dict[int, tuple[str, str]] = {}
    for part in parts:
        for setting, port in part.ports.items():
            other, before = wanted.setdefault(port, (part.name, setting))
            if (other, before) != (part.name, setting):
                raise StackError(
                    f"port {port} is wanted by {other} (HEDGEHOG_{before.upper()}) and by {part.name} "
                    f"(HEDGEHOG_{setting.upper()}); a further broker takes the next port but one"
                )
