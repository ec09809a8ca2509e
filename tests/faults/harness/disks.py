"""Small disks under parts of the stack, which can be filled. Often only root may mount them."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

FILLER = "filler"
CHUNK = bytes(1 << 20)
MOUNT_S = 10


class Disk:
    """A file system of its own at a folder."""

    def __init__(self, folder: Path) -> None:
        self._filler = folder / FILLER

    def fill(self) -> None:
        """Write until nothing more fits."""
        with self._filler.open("ab", buffering=0) as file:
            size = len(CHUNK)
            while size:
                try:
                    file.write(CHUNK[:size])
                except OSError:
                    size //= 2

    def free(self) -> None:
        """Remove what `fill` has written."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disks(sizes_mb: Mapping[Path, int]) -> Iterator[dict[Path, Disk]]:
    """Disks of these sizes at these folders, in this order; none where we may not mount them.

    What was on them is in the folders afterwards.
    """
    with ExitStack() as mounted:
        try:
            disks = {folder: mounted.enter_context(_disk(folder, size_mb)) for folder, size_mb in sizes_mb.items()}
        except (OSError, subprocess.CalledProcessError):
            disks = {}
        yield disks


@contextmanager
def _disk(folder: Path, size_mb: int) -> Iterator[Disk]:
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0755", "hedgehog-faults", str(folder))
    disk = Disk(folder)
    try:
        yield disk
    finally:
        disk.free()
        kept = folder.with_name(f"{folder.name}.kept")
        shutil.copytree(folder, kept, symlinks=True)
        _run("umount", str(folder))
        folder.rmdir()
        kept.rename(folder)


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, timeout=MOUNT_S, stderr=subprocess.DEVNULL)
