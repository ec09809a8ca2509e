"""`hedgehog dlq`: the dead letters, what could not be handled."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from typing import Annotated

import typer

from streams.cli.endpoints import with_settings
from streams.cli.output import Json, out

app = typer.Typer(help="Dead letters: records that could not be handled.", no_args_is_help=True)

COLUMNS = ("id", "time", "source", "topic", "partition", "offset", "key", "error")


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="The newest so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List the newest dead letters, the newest last: where each came from and why it is one."""
    from streams.cli.pipeline.dead_letters import newest

    rows = newest(with_settings(), limit)
    out.rows(rows, COLUMNS, empty="no dead letters")
    if rows:
        out.note(f"next: hedgehog dlq show {rows[-1]['id']}")


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="As `dlq list` shows it: dead-letters:0:17.")],
    as_json: Json = False,
) -> None:
    """Show one dead letter with its bytes, and whether the record can be read today."""
    from streams.cli.pipeline.dead_letters import find

    out.record(find(with_settings(), letter_id))
