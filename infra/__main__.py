"""`python -m infra up|down|status|logs|clean|units|compose|lock`: the stack behind the pipeline.

Exit status: 0 done (`status`: all parts up), 1 the stack cannot do it or a part is not up, 2 wrong usage or a bad
setting, 130 interrupted.
"""

import json
import os
import shlex
import sys
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.compose.service import project_name, service
from infra.config import load_config
from infra.ending import OF_THE_USER, ended
from infra.stack import Stack
from infra.status import PartStatus
from infra.units import PIPELINE, STACK, units

app = typer.Typer(
    help="The stack behind hedgehog: broker, registry, Connect, PostgreSQL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
INTERRUPTED = 130
PIPELINE_FILE = "pipeline.yaml"
USER_UNITS = Path("~/.config/systemd/user")
UNITS_NEXT = f"""\
hedgehog: next: systemctl --user daemon-reload && systemctl --user enable --now {STACK} {PIPELINE}
hedgehog: `loginctl enable-linger` starts them with the machine; `journalctl --user -u {PIPELINE}` shows the log"""


class PartName(StrEnum):
    """The parts of the stack."""

    POSTGRES = "postgres"
    BROKER = "broker"
    REGISTRY = "registry"
    CONNECT = "connect"


@app.command()
def up() -> None:
    """Start what does not run and wait until it is ready. `python -m connectors provision` comes next."""
    try:
        Stack(load_config()).up()
    except KeyboardInterrupt:
        print("hedgehog: interrupted; `make infra-status` shows what runs", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def down() -> None:
    """Stop the stack; the data stay."""
    Stack(load_config()).down()


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Show each part; exit status 0 only if all are up."""
    stack = Stack(load_config())
    parts = stack.status()
    if as_json:
        print(json.dumps({"backend": stack.backend.name, "parts": [part.as_dict() for part in parts]}, indent=2))
    else:
        Console().print(_table(parts, stack.backend.name))
    if any(part.state != "up" for part in parts):
        raise typer.Exit(1)


def _table(parts: list[PartStatus], backend: str) -> Table:
    table = Table(title=f"hedgehog stack ({backend})", title_justify="left", box=None)
    for column in ("part", "state", "endpoint", "pid", "since", "memory"):
        table.add_column(column, justify="right" if column in ("pid", "memory") else "left", no_wrap=True)
    for part in parts:
        table.add_row(
            part.part,
            f"[{'green' if part.state == 'up' else 'red'}]{part.state}",
            part.endpoint,
            str(part.pid or ""),
            time.strftime("%m-%d %H:%M:%SZ", time.gmtime(part.since)) if part.since else "",
            f"{part.rss / 1e6:.0f} MB" if part.rss else "",
        )
    return table


@app.command()
def logs(
    part: Annotated[PartName | None, typer.Argument(help="only this part")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on until interrupted")] = False,
) -> None:
    """Print the end of the servers' logs."""
    # Ctrl-C is how following ends
    with suppress(KeyboardInterrupt):
        Stack(load_config()).logs(part.value if part else None, follow)


@app.command()
def clean(yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False) -> None:
    """Remove all data of the stopped stack: topics, schemas, tables, logs."""
    config = load_config()
    if not yes:
        typer.confirm(f"Remove all data of the stack in {config.data_dir.resolve()}?", abort=True, err=True)
    removed = Stack(config).clean()
    for what in removed:
        print(f"hedgehog: removed {what}", file=sys.stderr)
    if not removed:
        print(f"hedgehog: there are no data of a stack in {config.data_dir.resolve()}", file=sys.stderr)


@app.command(name="units")
def write_units(
    out: Annotated[Path, typer.Option(help="the folder that they are written to")] = USER_UNITS,
    workers: Annotated[int, typer.Option(min=0, max=64, help="how many workers `hedgehog run` starts")] = 1,
) -> None:
    """Write systemd units of this checkout, for the user's own systemd: the stack, and `hedgehog run` above it."""
    folder = out.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in units(Path.cwd(), Path(sys.executable).parent, workers).items():
        (folder / name).write_text(text, encoding="utf-8")
        print(f"hedgehog: wrote {folder / name}", file=sys.stderr)
    print(UNITS_NEXT, file=sys.stderr)


@app.command(name="compose")
def write_compose(
    workers: Annotated[int, typer.Option(min=0, max=64, help="how many workers `hedgehog run` starts")] = 1,
) -> None:
    """Write a compose file of this checkout that runs `hedgehog run` in a container beside the stack."""
    config, folder = load_config(), Path.cwd()
    home, settings = config.data_dir.resolve(), folder / ".env"
    text = service(
        f"{project_name(home)}-pipeline",
        folder,
        home,
        settings if settings.is_file() else None,
        f"{os.getuid()}:{os.getgid()}",
        workers,
        (config.worker_host, config.port("run")),
    )
    home.mkdir(parents=True, exist_ok=True)
    file = home / PIPELINE_FILE
    file.write_text(text, encoding="utf-8")
    print(f"hedgehog: wrote {file}", file=sys.stderr)
    print(f"hedgehog: next: docker compose --file {shlex.quote(str(file))} up --build --detach", file=sys.stderr)


@app.command()
def lock() -> None:
    """Renew infra/jars.lock with Maven."""
    from infra.native.renew import renew_lock  # noqa: PLC0415 - needed by this command alone

    renew_lock()


def main() -> int:
    """Run the command line; return the exit status."""
    try:
        app()
    except OF_THE_USER as error:
        return ended(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
