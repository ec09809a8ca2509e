"""What the demo shows while it runs: on a terminal a table that changes in place, elsewhere a line every 5 seconds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table

from schemas.records import Side
from schemas.units import plain
from streams.demo.tail import Activity

LINE_EVERY_S = 5.0


@dataclass(frozen=True)
class View:
    """The state of the pipeline at one moment. `rows` of Postgres and `behind` of the readers are record counts."""

    title: str
    symbols: dict[str, Activity]
    """What is traded."""
    watched: dict[str, Activity]
    """What is only watched, by instrument."""
    trades_per_s: float
    rows: dict[str, int]
    workers_behind: int
    sinks_behind: int


class Screen:
    """Prints lines and shows views; both may come from several threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._last_line = 0.0
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line, above the table while there is one."""
        with self._lock:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def step(self, text: str) -> None:
        """Print what begins now, and when."""
        self.say(f"\n[{time.monotonic() - self._began:5.1f} s] {text}")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Show views until the end of the block."""
        self._last_line = time.monotonic()
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, auto_refresh=False, redirect_stderr=False) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def show(self, view: View) -> None:
        """Show the newest state."""
        if self._live is not None:
            self._live.update(as_table(view), refresh=True)
        elif not self._console.is_terminal and time.monotonic() - self._last_line >= LINE_EVERY_S:
            self._last_line = time.monotonic()
            self.say(as_line(view))


def as_table(view: View) -> Table:
    """Return a table with a row for each symbol and the pipeline below."""
    rows = ", ".join(f"{table} {count:,}" for table, count in view.rows.items())
    table = Table(
        title=view.title,
        caption=(
            f"{view.trades_per_s:,.0f} trades/s through the topic. Rows in Postgres: {rows or 'none yet'}. "
            f"Behind: workers {view.workers_behind:,}, sinks {view.sinks_behind:,} records. Ctrl-C ends it."
        ),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("symbol")
    for column in ("trades", "last price", "traders", "open buys", "open sells", "orders", "fills", "cycles"):
        table.add_column(column, justify="right")
    for symbol, activity in view.symbols.items():
        buys, sells = activity.running(Side.BUY), activity.running(Side.SELL)
        numbers = (buys + sells, buys, sells, len(activity.orders), len(activity.fills), activity.cycles())
        cells = (f"{activity.trades:,}", plain(activity.price), *(f"{number:,}" for number in numbers))
        table.add_row(symbol, *cells)
    table.add_section()
    for instrument, activity in view.watched.items():
        table.add_row(instrument, f"{activity.trades:,}", plain(activity.price), "watched")
    return table


def as_line(view: View) -> str:
    """Return the whole view in one line."""
    symbols = ", ".join(f"{symbol} {plain(activity.price)}" for symbol, activity in view.symbols.items())
    activities = view.symbols.values()
    watched = sum(activity.trades for activity in view.watched.values())
    open_orders = sum(activity.running(side) for activity in activities for side in Side)
    return (
        f"{view.title}: {sum(a.trades for a in activities):,} trades ({view.trades_per_s:,.0f}/s), {symbols}, "
        f"{watched:,} watched trades of {len(view.watched)} instruments, "
        f"{open_orders} traders with an open order, {sum(len(a.orders) for a in activities):,} orders, "
        f"{sum(len(a.fills) for a in activities):,} fills; Postgres {sum(view.rows.values()):,} rows; "
        f"behind: workers {view.workers_behind:,}, sinks {view.sinks_behind:,}"
    )
