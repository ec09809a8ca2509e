"""`hedgehog watch snooze`: until when nobody is told of an instrument, or of any. The page of alerts uses it, too."""

import time
from collections.abc import Sequence

from infra.config import Config
from producers.settings_topic import write
from schemas.symbols import split_instrument
from schemas.times import iso
from schemas.watches import ANY, Snooze
from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue
from streams.cli.instruments.select import read
from streams.cli.instruments.symbols import resolve
from streams.cli.output import Output
from streams.cli.watch.options import SnoozeWatch
from streams.notify.commands import SNOOZE_MAX_S
from streams.notify.durations import parse_seconds, shown_seconds

OFF = "off"
MICROSECONDS = 1_000_000


def snooze(asked: SnoozeWatch, out: Output) -> None:
    """Snooze what was named, or everything, or end that."""
    _lasting(asked.duration)
    made = snoozed(with_settings(), asked.duration, asked.symbols or [])
    is_off = asked.duration.lower() == OFF
    rows = [
        {
            "instrument": "everything" if each.symbol == ANY else each.instrument,
            "until": None if is_off else iso(each.until),
        }
        for each in made
    ]
    out.rows(rows, ("instrument", "until"))


def snoozed(config: Config, duration: str, symbols: Sequence[str]) -> list[Snooze]:
    """Write until when nobody is told of these symbols, of any without them; return what was written.

    `duration` is `1h`, or `off`, which ends it. `BadValue` names a duration or a symbol that is none.
    """
    now = time.time_ns() // 1_000
    until = now + _lasting(duration) * MICROSECONDS
    names = [split_instrument(key) for key in resolve(symbols, read(config))] if symbols else [(ANY, ANY)]
    made = [Snooze(exchange=exchange, symbol=symbol, until=until, updated_time=now) for exchange, symbol in names]
    write(config, made)
    return made


def _lasting(duration: str) -> int:
    """Return the seconds that a duration lasts, none where it is `off`; `BadValue` for what is neither."""
    if duration.lower() == OFF:
        return 0
    try:
        seconds = parse_seconds(duration, "DURATION")
    except ValueError as error:
        raise BadValue(str(error), hint="hedgehog watch snooze 1h, or off") from None
    if seconds > SNOOZE_MAX_S:
        raise BadValue(f"DURATION: {duration} is longer than {shown_seconds(SNOOZE_MAX_S)}")
    return seconds
