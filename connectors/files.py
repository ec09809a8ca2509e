"""The connector files `connectors/*.json`, with the endpoints of an installation filled in.

All but trades go without reduction buffer and without rewritten inserts: the buffer keeps the last snapshot of a key in
a batch, even where it is the older one; so each row goes to the table, whose trigger knows the newer.
Rewritten inserts have 128 rows and a plan that does not depend on their values: it is made once, not for each.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from string import Template

from sqlalchemy.engine import make_url

from infra.config import LOOPBACK, Config
from infra.passwords import FILE, OWNER, password_folder, password_of
from schemas.topics import SINKS

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Connector:
    """One connector as Kafka Connect wants it."""

    name: str
    config: dict[str, str]


def load_all(config: Config) -> list[Connector]:
    """Return the sinks of this installation. An unknown placeholder in a file raises a `ValueError` that names both."""
    values = placeholders(config)
    return [_load(FOLDER / f"{topic.name}.json", values) for topic in SINKS]


def placeholders(config: Config) -> dict[str, str]:
    """Return what the files leave open: prefix, replication factor, and the endpoints as Kafka Connect sees them."""
    url = make_url(config.database)
    address = config.connect_postgres or f"{url.host}:{url.port or 5432}"
    return {
        "topic_prefix": config.topic_prefix,
        "replication": str(config.copies),
        "registry_url": config.connect_registry_url.rstrip("/") or config.registry,
        "jdbc_url": f"jdbc:postgresql://{address}/{url.database}",
        "database_user": url.username or "",
        "database_password": _password(config, url.password or ""),
    }


def _password(config: Config, password: str) -> str:
    """Return the password, or the place where Kafka Connect finds it, where both servers are the stack's."""
    own_connect = config.infra != "external" and config.connect == f"http://{LOOPBACK}:{config.port('connect')}"
    if own_connect and password == password_of(config.data_dir, OWNER):
        return f"${{directory:{password_folder(config.data_dir, OWNER)}:{FILE}}}"
    return password


def _load(path: Path, values: dict[str, str]) -> Connector:
    content = json.loads(path.read_text())
    try:
        # filled in after parsing: a password may hold any character
        filled = {key: Template(value).substitute(values) for key, value in content["config"].items()}
        return Connector(Template(content["name"]).substitute(values), filled)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path.name}: placeholder {error}") from None
