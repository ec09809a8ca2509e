"""`hedgehog status`: everything that runs, on one page."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.endpoints import configuration
from streams.cli.errors import PROBLEM, explained
from streams.cli.output import Json, out

if TYPE_CHECKING:
    from infra.config import Config

PART_COLUMNS = ("part", "state", "endpoint", "detail")
TOPIC_COLUMNS = ("topic", "state", "partitions", "messages")
GROUP_COLUMNS = ("group", "state", "topic", "lag")
CONNECTOR_COLUMNS = ("connector", "state", "tasks", "error")
TABLE_COLUMNS = ("table", "rows", "problem")

Section = tuple[Any, str | None]
"""What a section found, and why it could not look."""


def status(as_json: Json = False) -> None:
    """Show parts, topics, consumer lag, connectors, dead letters and tables; exit code 1 if something is wrong."""
    from streams.cli.pipeline import parts

    config = configuration()
    servers = parts.parts(config)
    up = {part["part"] for part in servers if part["state"] == "up"}
    wanted: dict[str, tuple[str, Callable[[Config], Any]]] = {
        "topics": ("broker", parts.topics),
        "groups": ("broker", parts.groups),
        "dead_letters": ("broker", parts.dead_letters),
        "connectors": ("connect", parts.connectors),
        "tables": ("postgres", parts.tables),
    }
    with ThreadPoolExecutor() as pool:
        futures = {name: pool.submit(_section, look, config) for name, (part, look) in wanted.items() if part in up}
        sections = {name: future.result() for name, future in futures.items()}
    page = {name: sections[name][0] if name in sections else None for name in wanted}
    problems = _problems(servers, page) + [why for _, why in sections.values() if why is not None]
    if out.json:
        out.record({"ok": not problems, "problems": problems, "parts": servers, **page})
    else:
        _show(servers, page)
        for problem in problems:
            out.note(f"problem: {problem}")
    if problems:
        out.note("next: hedgehog doctor")
        raise typer.Exit(PROBLEM)


def _section(look: "Callable[[Config], Any]", config: "Config") -> Section:
    try:
        return look(config), None
    except Exception as error:
        known = explained(error)
        if known is None:
            raise
        return None, str(known)


def _problems(parts: list[dict[str, Any]], page: dict[str, Any]) -> list[str]:
    """What has to be mended, a line each. Lag and dead letters are for people to judge."""
    found = [f"{part['part']} is {part['state']} at {part['endpoint']}" for part in parts if part["state"] != "up"]
    found += [f"topic {row['topic']}: {row['state']}" for row in page["topics"] or [] if row["state"] != "ok"]
    found += [
        f"connector {row['connector']}: {row['error'] or row['state']}"
        for row in page["connectors"] or []
        if not row["ok"]
    ]
    found += [f"table {row['table']}: {row['problem']}" for row in page["tables"] or [] if row["problem"]]
    return found


def _show(parts: list[dict[str, Any]], page: dict[str, Any]) -> None:
    out.rows(parts, PART_COLUMNS)
    unknown = "unknown"
    for title, name, columns, empty in (
        ("Topics", "topics", TOPIC_COLUMNS, unknown),
        ("Consumer groups", "groups", GROUP_COLUMNS, "none: neither a worker nor a sink has read anything yet"),
        ("Connectors", "connectors", CONNECTOR_COLUMNS, "none"),
        ("Postgres", "tables", TABLE_COLUMNS, unknown),
    ):
        rows = page[name]
        out.section(title, rows or [], columns, unknown if rows is None else empty)
    letters = page["dead_letters"]
    print(f"\nDead letters  {unknown if letters is None else letters}")
