"""A batch of trades by instrument, compared with the plain way: one record after the other."""

from types import SimpleNamespace

import numpy as np
import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import CodecError
from schemas.columns import TradeColumns
from schemas.units import PRICE_MAX
from streams.agents.trades import InstrumentTrades, coded, trades_of
from streams.delivery.batches import Batch
from tests.samples import INSTRUMENT, trade
from tests.unit.streams.delivery.played import CODECS, Event

KEYS = st.sampled_from([b"a", b"b", b"c", b"d", None])
ROWS = st.lists(st.tuples(KEYS, st.integers(1, 9), st.booleans()), min_size=1, max_size=12)
BOUNDS = st.tuples(st.integers(0, 10), st.one_of(st.integers(0, 10), st.just(PRICE_MAX)))


@given(rows=ROWS, bounds=st.dictionaries(st.sampled_from([b"a", b"b", b"c", b"d"]), BOUNDS))
def test_by_instrument(rows: list[tuple[bytes | None, int, bool]], bounds: dict[bytes, tuple[int, int]]) -> None:
    """Each row is a key, a price, and whether the record is no trade."""
    events = [Event(10 * row, key) for row, (key, _, _) in enumerate(rows)]
    bad = {row: CodecError("no trade") for row, (_, _, broken) in enumerate(rows) if broken}
    prices = np.array([0 if broken else price for _, price, broken in rows], np.int64)
    batch = Batch(TP("trades", 0), list(events), 1, 1)
    trades = InstrumentTrades(batch, TradeColumns(*[prices] * 4, bad, prices, {}), *coded(batch.keys))

    expected = {key: [row for row, each in enumerate(rows) if each[0] == key and not each[2]] for key, _, _ in rows}
    by_key = {key: found for key, found in expected.items() if key is not None}
    assert set(trades.keys) == set(by_key)
    for number, key in enumerate(trades.keys):
        for after in (-1, 0, 5, 10, 50, 10 * len(rows)):
            left = [row for row in by_key[key] if 10 * row > after]
            assert np.arange(len(rows))[trades.rows(number, after)].tolist() == left

    quiet = [bounds.get(key, (0, PRICE_MAX)) for key in trades.keys]
    crossed = {
        key
        for key, (low, high) in zip(trades.keys, quiet, strict=True)
        if any(rows[row][1] < low or rows[row][1] > high for row in by_key[key])
    }
    for few in (0, len(rows)):  # by the column, and one by one
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("streams.agents.trades.FEW", few)
            found = trades.events(quiet)
        assert {trades.keys[number] for number in found} == crossed
        assert len(found) == len(crossed)


@pytest.mark.parametrize("few", [0, 1])
@pytest.mark.parametrize(("price", "event"), [(98, True), (99, True), (100, False), (200, False), (201, True)])
def test_the_edges_of_what_is_quiet(price: int, event: bool, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.agents.trades.FEW", few)
    prices = np.array([price], np.int64)
    columns = TradeColumns(*[prices] * 4, {}, prices, {})
    trades = InstrumentTrades(Batch(TP("trades", 0), [Event(1, b"a")], 1, 1), columns, *coded([b"a"]))
    assert trades.events([(100, 200)]) == ([0] if event else [])


def test_a_batch_is_decoded_once_for_all_agents() -> None:
    codec = CODECS[type(trade("1"))]
    batch = Batch(TP("trades", 0), [Event(1, INSTRUMENT.encode(), codec.encode(trade("98")))], 1, 2)
    first = batch.once(trades_of, codec)
    assert batch.once(trades_of, codec) is first
    assert batch.once(lambda whole, other: SimpleNamespace(batch=whole, other=other), codec).other is codec
    assert first.columns.price.tolist() == [9_800_000_000]
