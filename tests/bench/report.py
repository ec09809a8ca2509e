"""What was measured, on which machine, as a table for people and one flat object for programs."""

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

WIDTH = 132
PACKAGES = ("faust-streaming", "aiokafka", "confluent-kafka", "fastavro", "numba")


class Row(NamedTuple):
    """One row of the table: a figure's key, its unit, what was done to get it, and what it has to be."""

    key: str
    unit: str
    what: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def wanted(self) -> str:
        """The threshold in words, or nothing."""
        if self.at_least is not None:
            return f">= {_shown(self.at_least, self.unit)}"
        return f"<= {_shown(self.at_most, self.unit)}" if self.at_most is not None else ""

    def verdict(self, value: float) -> str:
        """Whether `value` keeps the threshold; nothing where there is none."""
        if not self.wanted:
            return ""
        low = self.at_least is None or value >= self.at_least
        high = self.at_most is None or value <= self.at_most
        return "met" if low and high else "NOT MET"


def machine(quix: str) -> str:
    """The machine and the versions that the figures belong to, in two lines."""
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"load {load:.1f} at the start\nPython {platform.python_version()}, {versions}, quixstreams {quix}"
    )


def show(head: str, rows: list[Row], values: Mapping[str, float], notes: list[str]) -> None:
    """Print the table to stdout."""
    console = Console(width=WIDTH, highlight=False)
    console.print(head)
    table = Table()
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("wanted", justify="right")
    table.add_column("")
    table.add_column("what")
    for row in rows:
        value = values[row.key]
        table.add_row(row.key, _shown(value, row.unit), row.wanted, row.verdict(value), row.what)
    console.print(table)
    for note in notes:
        console.print(note)


def write(path: Path, values: Mapping[str, float], about: Mapping[str, float | str]) -> None:
    """Write all figures as one flat object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = {key: round(value, 3) for key, value in values.items()}
    path.write_text(json.dumps({**rounded, **about}, indent=2) + "\n")


def _shown(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if value >= 1_000 else f"{value:.2f}"
    return f"{number} {unit}".strip()
