"""`hedgehog watch`: what is to be told of each instrument."""

from collections.abc import Mapping, Sequence
from typing import Any

from producers.settings_topic import read_watches
from schemas.records import Setup
from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue
from streams.cli.instruments.select import pick, read, some
from streams.cli.output import Output, heading
from streams.cli.watch.changes import Changed, apply, as_row, parse_wishes, unwatch, watch
from streams.cli.watch.options import AddWatch, ListWatches, RemoveWatch, SetWatch

COLUMNS = (
    *("instrument", "watched", "deviation", "apart", "pair"),
    *("cooldown", "coverage", "digest_minutes", "silence", "kinds"),
)


def list_watches(asked: ListWatches, out: Output) -> None:
    """Show every watch that was ever set."""
    watches = sorted(read_watches(with_settings()).items())
    out.rows(
        [as_row(watch) for _, watch in watches], COLUMNS, empty="nothing is watched; next: hedgehog watch add SYMBOL"
    )


def add(asked: AddWatch, out: Output) -> None:
    """Watch instruments; tell which of them are not streamed."""
    values = parse_wishes(asked.wishes)
    config = with_settings()
    known = read(config)
    picked = pick(known, asked.wanted)
    made = watch(config, known, [setup.key for setup in picked], values, asked.dry_run)
    _show(made, asked.dry_run, "nothing changed: they are watched already", out)
    _note_silent(picked, out)


def remove(asked: RemoveWatch, out: Output) -> None:
    """Watch instruments no more."""
    config = with_settings()
    keys = [setup.key for setup in pick(read(config), asked.wanted)]
    _show(unwatch(config, keys, asked.dry_run), asked.dry_run, "nothing changed: not watched", out)


def set_values(asked: SetWatch, out: Output) -> None:
    """Change what is told of instruments."""
    values = parse_wishes(asked.wishes)
    if not values:
        raise BadValue("nothing to set: give one of --deviation --apart --pair --cooldown … --kinds")
    config = with_settings()
    keys = [setup.key for setup in pick(read(config), asked.wanted)]
    made = apply(config, keys, values, asked.dry_run)
    _show(made, asked.dry_run, "nothing changed: the values are as given already", out)
    unwatched = [after.symbol for _, after in made if not after.watched]
    if unwatched:
        out.note(f"not watched: {some(unwatched)}; next: hedgehog watch add {' '.join(unwatched[:3])}")


def _show(made: Sequence[Changed], dry_run: bool, unchanged: str, out: Output) -> None:
    out.rows([_row(before, after) for before, after in map(_rows, made)], ("instrument", "changed"), empty=unchanged)
    if made and dry_run:
        out.note(f"dry run: {len(made)} watches would change, nothing was written")


def _rows(changed: Changed) -> tuple[dict[str, Any], dict[str, Any]]:
    before, after = changed
    return as_row(before), as_row(after)


def _row(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    fields = [name for name in after if before[name] != after[name]]
    return {
        "instrument": after["instrument"],
        "changed": [f"{heading(name)} {before[name]} → {after[name]}" for name in fields],
        "before": {name: before[name] for name in fields},
        "after": {name: after[name] for name in fields},
    }


def _note_silent(picked: Sequence[Setup], out: Output) -> None:
    silent = [setup.instrument.symbol for setup in picked if not setup.settings.streaming]
    if silent:
        out.note(f"not streamed yet: {some(silent)}; next: hedgehog streaming start {' '.join(silent[:3])}")
