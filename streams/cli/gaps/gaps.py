"""`hedgehog gaps`: trades that the streams did not bring, and having the producer ask for them again."""

import time
from collections.abc import Collection, Sequence
from typing import Any

from infra.config import Config
from producers.filler import NOT_STREAMED
from producers.gap_records import ask_again, read_gaps
from schemas.gap_records import Gap, GapStatus
from schemas.times import iso
from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue
from streams.cli.gaps.options import FillGaps, ListGaps
from streams.cli.instruments.symbols import resolve
from streams.cli.output import Output

COLUMNS = ("instrument", "status", "first_id", "last_id", "missing", "filled", "after", "before", "noticed", "reason")
POLL_S = 0.5


def list_gaps(asked: ListGaps, out: Output) -> None:
    """Show the gaps, the newest last, and where ids begin anew."""
    gaps = _of(read_gaps(with_settings()), asked.symbols)
    shown = [gap for gap in gaps if asked.filled or gap.status is not GapStatus.FILLED or gap.begins_anew]
    out.rows([_row(gap) for gap in shown], COLUMNS, empty="no gaps" if asked.filled else "no gaps are open or lost")


def fill(asked: FillGaps, out: Output) -> None:
    """Have gaps asked for again, and show what became of them; raise `BadValue` for symbols and `--all` or neither."""
    if asked.everything == bool(asked.symbols):
        raise BadValue("symbols or --all, one of the two", hint="hedgehog gaps list")
    config = with_settings()
    wanted = [
        gap
        for gap in _of(read_gaps(config), asked.symbols)
        if gap.status is not GapStatus.FILLED and (asked.symbols or gap.reason != NOT_STREAMED)
    ]
    asked_again = ask_again(config, wanted) if wanted else []
    now = _waited_for(config, {gap.key for gap in asked_again}, asked.wait)
    out.rows([_row(gap) for gap in now], COLUMNS, empty="no gaps are open or lost")
    still = sum(gap.status is GapStatus.OPEN for gap in now)
    if still:
        out.note(f"{still} still open: they are asked for as long as hedgehog produce runs, see hedgehog gaps list")


def _of(gaps: Sequence[Gap], symbols: list[str] | None) -> list[Gap]:
    if not symbols or not gaps:
        return list(gaps)
    keys = resolve(symbols, {gap.instrument for gap in gaps})
    return [gap for gap in gaps if gap.instrument in keys]


def _waited_for(config: Config, keys: Collection[str], wait_s: float) -> list[Gap]:
    """Return these gaps once none is open any more, or as they are after `wait_s` seconds."""
    until = time.monotonic() + wait_s
    while keys:
        found = [gap for gap in read_gaps(config) if gap.key in keys]
        if time.monotonic() > until or not any(gap.status is GapStatus.OPEN for gap in found):
            return found
        time.sleep(POLL_S)
    return []


def _row(gap: Gap) -> dict[str, Any]:
    return {
        "instrument": gap.instrument,
        "status": "anew" if gap.begins_anew else gap.status.value,
        "first_id": gap.first_id,
        "last_id": gap.last_id,
        "missing": gap.missing,
        "filled": gap.filled_count,
        "after": iso(gap.before_time),
        "before": iso(gap.after_time),
        "noticed": iso(gap.opened_time),
        "reason": gap.reason,
    }
