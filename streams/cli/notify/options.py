"""`hedgehog notify`: what it can be told."""

from dataclasses import dataclass
from typing import Annotated

import typer


@dataclass(frozen=True)
class Notify:
    """Tell alerts and digests to Telegram, a webhook, Apprise or stdout, and hear commands; until Ctrl-C or SIGTERM.

    What each instrument's alerts are is set by `hedgehog watch`.
    """

    sink: Annotated[
        list[str] | None,
        typer.Option(
            help="telegram, webhook, apprise or stdout; repeatable. Default: all that are configured, else stdout.",
            show_default=False,
        ),
    ] = None
