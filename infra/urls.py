"""Addresses as they may be shown: to the user, in logs, on pages."""

from urllib.parse import urlsplit, urlunsplit


def without_password(url: str) -> str:
    """Return an address without the user and the password that it may hold."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
