"""What was measured, on which machine, as a table for people and one flat object for programs."""

import json
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

WIDTH = 132
PACKAGES = ("faust-streaming", "aiokafka", "confluent-kafka", "fastavro", "numba")


class Figure(NamedTuple):
    """One number: its key, how it is shown, what was done to get it, and what it has to be."""

    key: str
    value: float
    shown: str
    what: str
    threshold: str = ""
    met: Callable[[float], bool] | None = None


def at_least(key: str, value: float, low: float, what: str, unit: str = "") -> Figure:
    """A figure that must not be below `low`."""
    return Figure(key, value, _shown(value, unit), what, f">= {_shown(low, unit)}", lambda x: x >= low)


def at_most(key: str, value: float, high: float, what: str, unit: str = "") -> Figure:
    """A figure that must not be above `high`."""
    return Figure(key, value, _shown(value, unit), what, f"<= {_shown(high, unit)}", lambda x: x <= high)


def plain(key: str, value: float, what: str, unit: str = "") -> Figure:
    """A figure without a threshold."""
    return Figure(key, value, _shown(value, unit), what)


def machine(quix: str) -> str:
    """The machine and the versions that the figures belong to, in two lines."""
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"load {load:.1f} at the start\nPython {platform.python_version()}, {versions}, quixstreams {quix}"
    )


def show(head: str, figures: list[Figure], notes: list[str]) -> None:
    """Print the table to stdout."""
    console = Console(width=WIDTH, highlight=False)
    console.print(head)
    table = Table()
    for name, justify in (("figure", "left"), ("value", "right"), ("wanted", "right"), ("", "left"), ("what", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for figure in figures:
        verdict = "" if figure.met is None else "met" if figure.met(figure.value) else "NOT MET"
        table.add_row(figure.key, figure.shown, figure.threshold, verdict, figure.what)
    console.print(table)
    for note in notes:
        console.print(note)


def write(path: Path, figures: list[Figure], extra: dict[str, float | str]) -> None:
    """Write all figures as one flat object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {figure.key: round(figure.value, 3) for figure in figures}
    path.write_text(json.dumps({**values, **extra}, indent=2) + "\n")


def _shown(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if value >= 1_000 else f"{value:.2f}"
    return f"{number} {unit}".strip()
