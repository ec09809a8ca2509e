"""A batch's trades by instrument."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from schemas.columns import Int64s, TradeColumns
from streams.delivery.batches import Batch


def by_instrument(batch: Batch, columns: TradeColumns) -> Iterable[tuple[bytes, Int64s | slice]]:
    """The keys of a batch with the places of their trades, in order, without the records that are no trade.

    Worked out once for all agents, as the columns are.
    """
    if batch.groups is None:
        batch.groups = list(_groups(batch.keys, columns.errors))
    return batch.groups


def _groups(keys: list[bytes | None], errors: Mapping[int, object]) -> Iterator[tuple[bytes, Int64s | slice]]:
    if not errors and keys.count(keys[0]) == len(keys) and keys[0] is not None:
        yield keys[0], slice(None)
        return
    places: defaultdict[bytes | None, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    for key, found in places.items():
        sound = [place for place in found if place not in errors] if errors else found
        if key is not None and sound:
            yield key, np.array(sound)
