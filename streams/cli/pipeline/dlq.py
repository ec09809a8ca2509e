"""`hedgehog dlq`: the dead letters, what could not be handled."""

from streams.cli.endpoints import with_settings
from streams.cli.output import Output
from streams.cli.pipeline.dead_letters import find, newest
from streams.cli.pipeline.options import ListLetters, ShowLetter

COLUMNS = ("id", "time", "source", "topic", "partition", "offset", "key", "error")


def list_letters(asked: ListLetters, out: Output) -> None:
    """Show the newest dead letters, the newest last."""
    rows = newest(with_settings(), asked.limit)
    out.rows(rows, COLUMNS, empty="no dead letters")
    if rows:
        out.note(f"next: hedgehog dlq show {rows[-1]['id']}")


def show(asked: ShowLetter, out: Output) -> None:
    """Show one dead letter; `BadValue` when there is none of this id."""
    out.record(find(with_settings(), asked.letter_id))
