"""The passwords of the stack's own PostgreSQL: made once, each in a file that its owner alone may read.

Each file is alone in its folder, `secrets/ROLE/password` in the data folder: Kafka Connect takes folders that it may
read, and gets the one of the role that owns the tables, not the superuser's.
"""

import os
import secrets
from pathlib import Path

from infra.errors import StackError

OWNER = "hedgehog"
"""The role that owns the databases, and that everything but `make infra-up` connects as."""
SUPERUSER = "postgres"
FILE = "password"
UNREADABLE_BY_CONNECT = ",:}"
"""What a list of paths, and a reference to a file, in the configuration of Kafka Connect ends at."""


def password_folder(data_dir: Path, role: str) -> Path:
    """Return the folder, absolute, whose only file holds the password of `role`."""
    return data_dir.resolve() / "secrets" / role


def password_of(data_dir: Path, role: str) -> str | None:
    """Return the password of `role`; None while there is none. Raises `StackError` where the file may not be read."""
    path = password_folder(data_dir, role) / FILE
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StackError(f"{path}: {error.strerror}; whoever started the stack may read it") from None


def typed_secret(path: str) -> str:
    """Return what a file holds that somebody wrote, without a byte order mark, blanks and ends of lines around it.

    Raises `OSError`, and `ValueError` for what is no text.
    """
    return Path(path).expanduser().read_text(encoding="utf-8-sig").strip()


def make_passwords(data_dir: Path) -> None:
    """Make the passwords that are missing. Raises `StackError` for a folder that Kafka Connect could not read."""
    for role in (OWNER, SUPERUSER):
        folder = password_folder(data_dir, role)
        if set(UNREADABLE_BY_CONNECT) & set(str(folder)):
            raise StackError(
                f"HEDGEHOG_DATA_DIR={data_dir}: Kafka Connect reads no password in a folder whose name has one of "
                f"{' '.join(UNREADABLE_BY_CONNECT)}"
            )
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.parent.chmod(0o700)
        if not (folder / FILE).exists():
            _write(folder / FILE, secrets.token_urlsafe(24))


def _write(path: Path, password: str) -> None:
    """Whole or not at all: half a password would lock the data away."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    fresh.replace(path)
