"""`hedgehog archive verify`: every file read again."""

from typing import Any

import typer

from streams.archive.verify import GAP
from streams.archive.verify import verify as verify_folder
from streams.cli.archive.options import Verify
from streams.cli.errors import PROBLEM, CliError
from streams.cli.instruments.symbols import keys_of
from streams.cli.output import Output


def verify(asked: Verify, out: Output) -> None:
    """Show what was found; exit code 1 where it is a problem, `CliError` where there is no file at all."""
    files = rows = problems = 0
    findings: list[dict[str, Any]] = []
    for one in verify_folder(asked.folder, keys_of(asked.symbols or ())):
        files, rows = files + 1, rows + one.rows
        for found in one.findings:
            problems += found.kind != GAP or asked.no_gaps
            findings.append({"file": str(found.path), "kind": found.kind, "finding": found.text})
    if not files:
        raise CliError(f"{asked.folder}: holds no file of an archive", hint="hedgehog archive import PATH --out FOLDER")
    if out.json:
        out.record({"files": files, "rows": rows, "problems": problems, "findings": findings})
    else:
        out.rows(findings, ("file", "kind", "finding"), empty="nothing found")
        out.note(f"{files} files, {rows:,} trades, {problems} problems")
    if problems:
        raise typer.Exit(PROBLEM)
