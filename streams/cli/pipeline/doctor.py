"""`hedgehog doctor`: is everything there that the pipeline needs, and what to type where it is not."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from typing import Any

import typer

from streams.cli.errors import PROBLEM
from streams.cli.output import Json, out


def doctor(as_json: Json = False) -> None:
    """Check the installation, the stack and the pipeline: each line ok, or what is wrong and what to type."""
    from streams.cli.pipeline.doctor_checks import CHECKS, run

    rows: list[dict[str, Any]] = []
    for check in CHECKS:
        rows.append(run(check, rows))
        if not out.json:
            _show(rows[-1])
    if out.json:
        out.rows(rows, ())
    if any(row["state"] == "problem" for row in rows):
        raise typer.Exit(PROBLEM)
    out.note("next: hedgehog status")


def _show(row: dict[str, Any]) -> None:
    """Each line as soon as it is known: some checks wait for a server."""
    out.line(f"{row['state']:8} {row['check']:14} {row['finding']}", row["state"])
    if row["type"]:
        out.line(f"{'':23} try: {row['type']}")
