"""`hedgehog archive export`: the topic of trades into an archive."""

from streams.archive.day import day_name, today
from streams.archive.store import bounded
from streams.archive.topic import LeftOut, topic_blocks
from streams.cli.archive.options import ExportTopic
from streams.cli.archive.stored import show_days, store_sources
from streams.cli.endpoints import with_settings
from streams.cli.instruments.symbols import keys_of
from streams.cli.output import Output
from streams.cli.times import parse_times


def export_topic(asked: ExportTopic, out: Output) -> None:
    """Store the trades of the topic, and show the days that it has trades of and what was left out."""
    between, instruments = parse_times(asked.since, asked.until), keys_of(asked.symbols)
    config, open_day, left = with_settings(), today(), LeftOut()
    bad: list[str] = []
    with out.progress_bar("consuming", "records") as progress:
        blocks = topic_blocks(config, instruments, between, open_day, left, progress)
        days = store_sources(asked.folder, bounded(blocks), bad)
    more = {"unreadable_records": left.unreadable, "open_day": day_name(open_day), "trades_of_open_day": left.open_day}
    for instrument, count in left.unreadable.items():
        out.note(f"{instrument}: {count} records are no trades of it and were left out")
    for instrument, count in left.open_day.items():
        out.note(f"{instrument}: {day_name(open_day)} is not over, its {count} trades so far were left out")
    show_days(out, days, asked, bad, more)
