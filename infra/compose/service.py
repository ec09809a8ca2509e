"""The compose file of one checkout: `hedgehog run` in a container, as `infra.units` has it under systemd. Pure.

Source of the format: the Compose Specification.
"""

import hashlib
import json
from pathlib import Path

READY = (
    "import urllib.request as r; r.build_opener(r.ProxyHandler({{}})).open('http://{host}:{port}/readyz', timeout=5)"
)
"""Not by a proxy, which Docker may give to every container."""

_SERVICE = """\
# hedgehog: producers, workers, notifier, guard and dashboard, beside a stack that runs.
name: {name}

services:
  pipeline:
    image: {name}
    build:
      context: {folder}
      dockerfile: infra/compose/Dockerfile
    command: [run, --workers, "{workers}", --log-format, json]
    # every address is the one that it is on this machine
    network_mode: host
    user: "{user}"
    environment:
      HEDGEHOG_DATA_DIR: {data}
      HEDGEHOG_CACHE_DIR: {cache}
      # for as long as the container is there: numba does not notice all that changes with an image
      NUMBA_CACHE_DIR: /tmp/compiled
    volumes:
      # the passwords of the stack and the state of the programs; read and written as the user that wrote this file
      - {{type: bind, source: {data}, target: {data}}}
{settings}\
    tmpfs: [/tmp]
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    init: true
    # it restarts its own programs; Docker starts it again should it ever end itself
    restart: unless-stopped
    stop_grace_period: 60s
    healthcheck:
      test: [CMD, python, -c, {ready}]
      interval: 30s
      timeout: 10s
      start_period: 120s
    logging:
      driver: json-file
      options: {{max-size: 50m, max-file: "5"}}
"""

_SETTINGS = """\
      - {{type: bind, source: {settings}, target: /opt/hedgehog/.env, read_only: true}}
"""


def project_name(home: Path) -> str:
    """Return the name under which Docker keeps what belongs to a data folder."""
    return f"hedgehog-{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"


def service(
    name: str, folder: Path, data: Path, settings: Path | None, user: str, workers: int, health: tuple[str, int]
) -> str:
    """Return the text of the file: of the checkout in `folder`, with its data folder and its `.env`, all absolute.

    `name` is the project's, `user` a `uid:gid`, `health` the address and port at which `hedgehog run` says how it is.
    """
    host, port = health
    return _SERVICE.format(
        name=name,
        folder=_text(str(folder)),
        data=_text(str(data)),
        cache=_text(str(data / "cache")),
        user=user,
        workers=workers,
        settings="" if settings is None else _SETTINGS.format(settings=_text(str(settings))),
        ready=_text(READY.format(host=host, port=port)),
    )


def _text(value: str) -> str:
    """Return a string of YAML in which Compose replaces nothing."""
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")
