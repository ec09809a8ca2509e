"""Which code gave a result."""

import hashlib
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 10.0


@cache
def code_version() -> str:
    """Return the commit of this checkout, with a digest of its changes where tracked files differ from it.

    Where there is no checkout, or no git to ask, it is the package's version.
    """
    if not (ROOT / ".git").exists():
        return version("hedgehog")
    try:
        commit = _git("rev-parse", "HEAD").decode().strip()
        changes = _git("diff", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return version("hedgehog")
    return f"{commit}-changed-{hashlib.sha256(changes).hexdigest()[:12]}" if changes else commit


def _git(*arguments: str) -> bytes:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_S).stdout
