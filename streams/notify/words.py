"""What is told, as messages: an alert, a summary, the board of the market. Plain text, which a sink escapes."""

from collections.abc import Iterable, Mapping

from schemas.market_records import Alert
from schemas.times import iso
from schemas.units import plain
from streams.notify.chat import Counts
from streams.notify.notices import Notice, Place, Standing, percent
from streams.notify.sinks.outcome import Button, Message

LINES_MAX, CHARACTERS_MAX = 40, 2_800
"""So long a summary and a board are at most; what is more is counted."""
SNOOZE_HOUR, SNOOZE_DAY, WHY, DO = "snooze-hour", "snooze-day", "why", "do"
"""What the data of a button begins with; the last carries out what was asked back."""
DATA_BYTES_MAX = 64
"""What the data of a button may hold."""


def alert(notice: Notice) -> Message:
    """Return the message of one alert."""
    buttons = [
        *_button("Snooze 1 h", SNOOZE_HOUR, notice.instrument),
        *_button("Until tomorrow", SNOOZE_DAY, notice.instrument),
        *_button("Why", WHY, f"{notice.place.key}:{notice.place.offset}" if notice.place.topic else ""),
    ]
    facts: dict[str, str | int] = {
        "id": notice.notice_id,
        "kind": str(notice.kind),
        "instrument": notice.instrument,
        "time": iso(notice.time),
    }
    return Message(notice.headline, notice.detail, buttons=tuple(buttons), facts=facts)


def summary(counts: Counts) -> Message:
    """Return the message that counts alerts instead of telling them."""
    total = sum(count for kinds in counts.values() for count in kinds.values())
    lines = [
        f"{instrument}: " + ", ".join(f"{count} x {kind}" for kind, count in sorted(kinds.items()))
        for instrument, kinds in sorted(counts.items(), key=lambda each: (-sum(each[1].values()), each[0]))
    ]
    alerts = "1 alert" if total == 1 else f"{total} alerts"
    return Message(
        f"{alerts} not told one by one", "\n".join(_shortened(lines)), facts={"kind": "summary", "alerts": total}
    )


def board(standings: Mapping[str, Standing]) -> Message:
    """Return the message that shows how the watched markets stand."""
    newest = max(standing.time for standing in standings.values())
    rows = [("", "price", "24 h", "off average")]
    for standing in sorted(standings.values()):
        rows.append((standing.instrument, *_columns(standing)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    first, *others = ("  ".join(_padded(row, widths)).rstrip() for row in rows)
    text = "\n".join([first, *_shortened(others)])
    return Message(f"Market, {iso(newest)[:16].replace('T', ' ')} UTC", text, is_table=True, facts={"kind": "digest"})


def standing_text(standing: Standing) -> str:
    """Return one market in words."""
    price, change, off = _columns(standing)
    return (
        f"{standing.instrument}: {price}, {change} in 24 h, {off} off the average of 5 minutes "
        f"({plain(standing.average)}); low {plain(standing.low)}, high {plain(standing.high)}; "
        f"as of {iso(standing.time)[:16].replace('T', ' ')} UTC"
    )


def why(alert: Alert) -> str:
    """Return the arithmetic that made an alert, for whoever asks."""
    lines = [
        f"price      {plain(alert.price)}",
        f"reference  {plain(alert.reference)}",
        f"off by     {percent(alert.value)}",
        f"threshold  {percent(alert.threshold).lstrip('+')}",
        f"held back  {alert.held_back}",
        f"trade of   {iso(alert.event_time)}",
        f"rules      {'the defaults' if alert.settings_offset < 0 else f'watches, offset {alert.settings_offset}'}",
        f"id         {alert.alert_id}",
    ]
    return "\n".join(lines)


def place_in(data: str) -> Place | None:
    """Return the place that the data of a button names; `None` where it names none."""
    topic, _, rest = data.partition(":")
    partition, _, offset = rest.partition(":")
    if not (partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()):
        return None
    return Place(topic, int(partition), int(offset))


def _columns(standing: Standing) -> tuple[str, str, str]:
    off = (standing.price - standing.average) * 10**8 // standing.average if standing.average else 0
    return plain(standing.price), percent(standing.change), percent(off)


def _padded(row: tuple[str, ...], widths: list[int]) -> Iterable[str]:
    yield row[0].ljust(widths[0])
    for cell, width in zip(row[1:], widths[1:], strict=True):
        yield cell.rjust(width)


def _shortened(lines: list[str]) -> list[str]:
    shown: list[str] = []
    room = CHARACTERS_MAX
    for line in lines[:LINES_MAX]:
        room -= len(line) + 1
        if room < 0:
            break
        shown.append(line)
    left = len(lines) - len(shown)
    return [*shown, f"and {left} more instruments"] if left else shown


def _button(text: str, action: str, about: str) -> list[Button]:
    """The button, unless what it is about is too long for it."""
    data = f"{action}:{about}"
    return [Button(text, data)] if about and len(data.encode()) <= DATA_BYTES_MAX else []
