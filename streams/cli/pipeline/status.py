"""`hedgehog status`: everything that runs, on one page."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import typer

from infra.config import Config, load_config, misspelt
from streams.cli.errors import PROBLEM
from streams.cli.output import Output
from streams.cli.pipeline import parts
from streams.cli.pipeline.options import Status
from streams.cli.pipeline.running import missing, running

PART_COLUMNS = ("part", "state", "endpoint", "detail")
TOPIC_COLUMNS = ("topic", "state", "partitions", "messages")
GROUP_COLUMNS = ("group", "state", "topic", "lag")
CONNECTOR_COLUMNS = ("connector", "state", "tasks", "error")
TABLE_COLUMNS = ("table", "rows", "problem")

SECTIONS: dict[str, tuple[str, Callable[[Config], Any]]] = {
    "topics": ("broker", parts.topics),
    "copies": ("broker", parts.copies),
    "groups": ("broker", parts.groups),
    "dead_letters": ("broker", parts.dead_letters),
    "gaps": ("broker", parts.gaps),
    "connectors": ("connect", parts.connectors),
    "tables": ("postgres", parts.tables),
    "running": ("broker", running),
}
"""Of each section, the part it asks and how."""
Section = tuple[Any, str | None]
"""What a section found, and why it could not look."""


def status(asked: Status, out: Output) -> None:
    """Show the page; exit code 1 if something is wrong."""
    config = load_config()
    servers = parts.parts(config)
    page, unseen = _page(config, {part["part"] for part in servers if part["state"] == "up"})
    problems = _problems(servers, page) + unseen + misspelt()
    if out.json:
        out.record({"ok": not problems, "problems": problems, "parts": servers, **page})
    else:
        _show(servers, page, out)
        for problem in problems:
            out.note(f"problem: {problem}")
    if problems:
        out.note("next: hedgehog doctor")
        raise typer.Exit(PROBLEM)


def _page(config: Config, up: set[str]) -> tuple[dict[str, Any], list[str]]:
    """Return what each section found, None where it could not look, and why it could not, of the parts that are up."""
    with ThreadPoolExecutor() as pool:
        futures = {name: pool.submit(_section, look, config) for name, (part, look) in SECTIONS.items() if part in up}
        sections = {name: future.result() for name, future in futures.items()}
    page = {name: sections[name][0] if name in sections else None for name in SECTIONS}
    return page, [why for _, why in sections.values() if why is not None]


def _section(look: Callable[[Config], Any], config: Config) -> Section:
    try:
        return look(config), None
    except Exception as error:
        from streams.cli.failures import explained  # noqa: PLC0415 -- where nothing fails, nobody waits for it

        known = explained(error)
        if known is None:
            raise
        return None, str(known)


def _problems(servers: list[dict[str, Any]], page: dict[str, Any]) -> list[str]:
    """What has to be mended, a line each. Lag and dead letters are for people to judge."""
    found = [f"{part['part']} is {part['state']} at {part['endpoint']}" for part in servers if part["state"] != "up"]
    found += page["copies"]["differences"] if page["copies"] else []
    found += [f"topic {row['topic']}: {row['state']}" for row in page["topics"] or [] if row["state"] != "ok"]
    found += [f"connector {row['connector']}: {parts.fault(row)}" for row in page["connectors"] or [] if not row["ok"]]
    found += [f"table {row['table']}: {row['problem']}" for row in page["tables"] or [] if row["problem"]]
    found += missing(page["running"]) if page["running"] else []
    return found


def _show(servers: list[dict[str, Any]], page: dict[str, Any], out: Output) -> None:
    out.rows(servers, PART_COLUMNS)
    unknown = "unknown"
    for title, name, columns, empty in (
        ("Topics", "topics", TOPIC_COLUMNS, unknown),
        ("Consumer groups", "groups", GROUP_COLUMNS, "none: neither a worker nor a sink has read anything yet"),
        ("Connectors", "connectors", CONNECTOR_COLUMNS, "none"),
        ("Postgres", "tables", TABLE_COLUMNS, unknown),
    ):
        rows = page[name]
        out.section(title, rows or [], columns, unknown if rows is None else empty)
    print(f"\nBrokers       {_brokers(page['copies']) if page['copies'] else unknown}")
    letters = page["dead_letters"]
    print(f"Dead letters  {unknown if letters is None else letters}")
    gaps = page["gaps"]
    print(f"Gaps          {unknown if gaps is None else ', '.join(f'{many} {what}' for what, many in gaps.items())}")


def _brokers(copies: dict[str, Any]) -> str:
    of = f" of {copies['brokers_asked']}" if copies["brokers_asked"] else ""
    behind = f"{copies['partitions_behind']} partitions behind" if copies["partitions_behind"] else "all in sync"
    wanted = f"{copies['copies']} copies of a topic, {copies['min_insync']} of a record"
    return f"{copies['brokers']}{of}; {wanted}; {behind}"
