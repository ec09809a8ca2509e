"""`hedgehog run`, `produce`, `worker`, `status`, `doctor`, `topics` and `dlq`: what they can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True)
class Status:
    """Show parts, topics, consumer lag, connectors, dead letters and tables; exit code 1 if something is wrong."""


@dataclass(frozen=True)
class Doctor:
    """Check the installation, the stack and the pipeline: each line ok, or what is wrong and what to type."""


@dataclass(frozen=True)
class Prune:
    """Show which old records and rows could go, and how much that frees; delete them with --yes.

    Kept, however old: what a worker, a sink or the notifier has still to read, what comes after the checkpoints from
    which the audit proves, traders that hold something, dead letters, and all that topics keep by key.
    """

    keep_days: Annotated[
        int | None,
        typer.Option("--keep-days", metavar="N", min=0, help="Older than N days is old.", show_default=False),
    ] = None
    before: Annotated[
        str | None, typer.Option("--before", metavar="TIME", help="What is before this ISO 8601 time, UTC, is old.")
    ] = None
    topics: Annotated[bool, typer.Option("--topics/--no-topics", help="Records of topics.")] = True
    tables: Annotated[bool, typer.Option("--tables/--no-tables", help="Rows of Postgres.")] = True
    yes: Annotated[bool, typer.Option("--yes", help="Yes: delete them.")] = False


@dataclass(frozen=True)
class CreateTopics:
    """Create the topics that are missing. Repeating it changes nothing."""


@dataclass(frozen=True)
class ListTopics:
    """List the topics with their partitions and the number of records they keep."""


@dataclass(frozen=True)
class ListLetters:
    """List the newest dead letters, the newest last: where each came from and why it is one."""

    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="The newest so many.")] = 20


@dataclass(frozen=True)
class ShowLetter:
    """Show one dead letter with its bytes, and whether the record can be read today."""

    letter_id: Annotated[str, typer.Argument(metavar="ID", help="As `dlq list` shows it: dead-letters:0:17.")]


@dataclass(frozen=True)
class RequeueLetter:
    """Put the record of a dead letter back into its topic, once it can be read today. The letter itself stays."""

    letter_id: Annotated[str, typer.Argument(metavar="ID", help="As `dlq list` shows it: dead-letters:0:17.")]


@dataclass(frozen=True)
class Run:
    """Run producer, workers, notifier, dashboard and guard, with one log on stdout, until Ctrl-C or SIGTERM.

    What crashes is started again after a pause; what crashes five times in a row is given up and named. `/livez` and
    `/readyz` are served on HEDGEHOG_RUN_PORT.
    """

    workers: Annotated[int, typer.Option(min=0, max=64, help="How many share the partitions.")] = 1
    without: Annotated[
        list[str] | None,
        typer.Option(help="producer, notifier, dashboard or guard: leave it out; repeatable.", show_default=False),
    ] = None
    log_format: Annotated[str, typer.Option(help="text or json: a line an event.")] = "text"


@dataclass(frozen=True)
class Produce:
    """Stream the trades of every instrument that is switched on into Kafka, until Ctrl-C or SIGTERM.

    All exchanges run in one process unless each gets one of its own by `--exchange`.
    """

    exchange: Annotated[
        list[str] | None,
        typer.Option(
            help="Exchange to stream from; repeatable. Default: HEDGEHOG_EXCHANGES, else all.", show_default=False
        ),
    ] = None


@dataclass(frozen=True)
class Worker:
    """Start a stream processor: the trading agent and the mock exchange. A second one needs its own folder and port.

    The same as `faust -A streams worker`, once broker and registry were seen to answer. Workers that share an agent
    share its instruments too, so all of them have to run the same agents.
    """

    datadir: Annotated[
        Path | None,
        typer.Option(help="Folder of this worker's own; default: worker in HEDGEHOG_DATA_DIR.", show_default=False),
    ] = None
    web_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65_535, help="Port of its web page; default: HEDGEHOG_WORKER_PORT.", show_default=False
        ),
    ] = None
    without_web: Annotated[bool, typer.Option("--without-web", help="Serve no web page.")] = False
    agents: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,…", help="Agents to run, as trading,exchange; default: HEDGEHOG_AGENTS.", show_default=False
        ),
    ] = None
    log_level: Annotated[str, typer.Option(help="One of debug, info, warn, error.")] = "info"
