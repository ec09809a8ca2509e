"""`hedgehog topics`: create what is missing, list what is there."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

import typer

from streams.cli.endpoints import with_broker
from streams.cli.output import Json, out

app = typer.Typer(help="The topics of the pipeline.", no_args_is_help=True)

COLUMNS = ("topic", "state", "partitions", "messages", "cleanup", "purpose")


@app.command()
def create(as_json: Json = False) -> None:
    """Create the topics that are missing. Repeating it changes nothing."""
    from schemas.broker import create_topics

    created = create_topics(with_broker())
    out.rows([{"topic": name, "state": "created"} for name in created], ("topic", "state"), empty="every topic exists")
    out.note("next: hedgehog settings seed")


@app.command("list")
def list_topics(as_json: Json = False) -> None:
    """List the topics with their partitions and the number of records they keep."""
    from streams.cli.pipeline.parts import topics

    rows = topics(with_broker())
    out.rows(rows, COLUMNS)
    if any(row["state"] == "missing" for row in rows):
        out.note("next: hedgehog topics create")
