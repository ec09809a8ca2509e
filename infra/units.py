"""systemd user units of one checkout: the stack, and `hedgehog run` above it. Source of the format: systemd.unit(5),
systemd.service(5). Pure.
"""

from pathlib import Path

from infra.errors import StackError

REFUSED = "\"'\\"
STACK, PIPELINE = "hedgehog-stack.service", "hedgehog.service"

_STACK = """\
[Unit]
Description=hedgehog: broker, schema registry, Kafka Connect and PostgreSQL

[Service]
# The servers outlive the command that starts them.
Type=oneshot
RemainAfterExit=yes
WorkingDirectory={folder}
ExecStart={python} -m infra up
ExecStart={python} -m connectors provision
ExecStop={python} -m infra down
# The first start ever downloads the servers.
TimeoutStartSec=900
TimeoutStopSec=120

[Install]
WantedBy=default.target
"""

_PIPELINE = """\
[Unit]
Description=hedgehog: producers, workers, notifier, guard and dashboard
Wants={stack}
After={stack}
# It restarts its own programs; when it ends itself again and again, somebody has to look.
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=exec
WorkingDirectory={folder}
ExecStart={hedgehog} run --workers {workers} --log-format json
Restart=on-failure
RestartSec=5
# Its programs are asked to stop by itself; what is left after that is killed.
KillMode=mixed
TimeoutStopSec=60
NoNewPrivileges=yes
UMask=0077

[Install]
WantedBy=default.target
"""


def units(folder: Path, binaries: Path, workers: int) -> dict[str, str]:
    """Return the units by the names of their files; `binaries` is the folder of python and the hedgehog command.

    Raises `StackError` for a folder from which systemd starts no program.
    """
    if refused := set(str(binaries)) & set(REFUSED):
        raise StackError(f"{binaries}: systemd starts no program in a folder with {' and '.join(sorted(refused))}")
    words = {
        "folder": _specifiers(str(folder)),
        "python": _program(binaries / "python"),
        "hedgehog": _program(binaries / "hedgehog"),
        "workers": workers,
        "stack": STACK,
    }
    return {STACK: _STACK.format(**words), PIPELINE: _PIPELINE.format(**words)}


def _program(path: Path) -> str:
    """Return a path as the program of a command line."""
    return f'"{_specifiers(str(path))}"'


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")
