"""A batch's trades by instrument."""

from collections.abc import Iterator

import numpy as np

from schemas.columns import Int64s, TradeColumns
from streams.delivery.batches import Batch


def by_instrument(batch: Batch, columns: TradeColumns) -> Iterator[tuple[bytes, Int64s | slice]]:
    """The keys of a batch with the places of their trades, in order, without the records that are no trade."""
    keys = batch.keys
    if not columns.errors and keys.count(keys[0]) == len(keys) and keys[0] is not None:
        yield keys[0], slice(None)
        return
    places: dict[bytes, list[int]] = {}
    for place, key in enumerate(keys):
        if key is not None and place not in columns.errors:
            places.setdefault(key, []).append(place)
    for key, found in places.items():
        yield key, np.array(found)
