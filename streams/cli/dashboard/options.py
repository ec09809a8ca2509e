"""`hedgehog dashboard`: what it can be told."""

from dataclasses import dataclass
from typing import Annotated

import typer


@dataclass(frozen=True)
class Dashboard:
    """Show markets, bots and the pipeline in a browser, live, and switch them; until Ctrl-C or SIGTERM."""

    port: Annotated[
        int | None,
        typer.Option(help="Where to serve. Default: HEDGEHOG_DASHBOARD_PORT.", min=1, max=65_535, show_default=False),
    ] = None
    host: Annotated[
        str | None,
        typer.Option(
            help="The address to serve on. Default: HEDGEHOG_DASHBOARD_HOST, this machine alone. "
            "Any other wants HEDGEHOG_DASHBOARD_PASSWORD.",
            show_default=False,
        ),
    ] = None
    without_audit: Annotated[bool, typer.Option("--without-audit", help="Run no audit in the background.")] = False
