"""`hedgehog doctor`: is everything there that the pipeline needs, and what to type where it is not."""

from typing import Any

import typer

from streams.cli.errors import PROBLEM
from streams.cli.output import Output
from streams.cli.pipeline.doctor_checks import CHECKS, run
from streams.cli.pipeline.options import Doctor


def doctor(asked: Doctor, out: Output) -> None:
    """Show a line for each check; exit code 1 where one found a problem."""
    rows: list[dict[str, Any]] = []
    for check in CHECKS:
        rows.append(run(check, rows))
        if not out.json:
            _show(rows[-1], out)
    if out.json:
        out.rows(rows, ())
    if any(row["state"] == "problem" for row in rows):
        raise typer.Exit(PROBLEM)
    out.note("next: hedgehog status")


def _show(row: dict[str, Any], out: Output) -> None:
    """Show each line as soon as it is known: some checks wait for a server."""
    out.line(f"{row['state']:8} {row['check']:14} {row['finding']}", row["state"])
    if row["type"]:
        out.line(f"{'':23} try: {row['type']}")
