"""What all instruments together are given: no change may share out more than there is, and each may take less."""

import pytest

from schemas.records import Setup, TradingStatus
from streams.cli.instruments.totals import objection
from tests.samples import setup, units

ON, OFF = TradingStatus.ON, TradingStatus.OFF
KNOWN = {
    "binance:XRPUSDT": setup("binance:XRPUSDT", budget="300", chunks=3),
    "binance:ETHUSDT": setup("binance:ETHUSDT", budget="500", chunks=2, status=TradingStatus.SHUTDOWN),
    "binance:LTCUSDT": setup("binance:LTCUSDT", budget="900", chunks=9, status=OFF),
    "coinbase:BTC-USD": setup("coinbase:BTC-USD", budget="5000", chunks=1, quote_asset="USD"),
}


def asked(key: str, limit: str = "0", orders: int = 0, **changes: object) -> str | None:
    before = KNOWN[key].settings
    values = {"budget": before.budget, "chunks": before.chunks, "status": before.status, **changes}
    after = {key: Setup(KNOWN[key].instrument, setup(key, **values).settings)}
    return objection(KNOWN, after, units(limit), orders)


@pytest.mark.parametrize(
    ("key", "changes", "limit", "refused"),
    [
        ("binance:XRPUSDT", {"budget": "500"}, "1000", False),
        ("binance:XRPUSDT", {"budget": "500.00000001"}, "1000", True),
        ("binance:XRPUSDT", {"budget": "501", "notional_limit": "500"}, "1000", False),
        ("binance:LTCUSDT", {"status": ON}, "1000", True),
        ("binance:LTCUSDT", {"budget": "5000"}, "1000", False),  # it is not traded
        ("binance:LTCUSDT", {"status": ON}, "0", False),
        ("binance:XRPUSDT", {"budget": "299"}, "500", False),  # less than before, and still too much
        ("binance:XRPUSDT", {"budget": "301"}, "500", True),
        ("coinbase:BTC-USD", {"budget": "5001"}, "5000", True),  # of its own quote asset
    ],
)
def test_budgets_of_a_quote_asset_are_shared_out(
    key: str, changes: dict[str, object], limit: str, refused: bool
) -> None:
    reason = asked(key, limit, **changes)
    assert (reason is not None) == refused
    assert reason is None or "(HEDGEHOG_TOTAL_NOTIONAL_LIMIT)" in reason


@pytest.mark.parametrize(
    ("changes", "orders", "refused"),
    [
        ({"chunks": 4}, 7, False),
        ({"chunks": 5}, 7, True),
        ({"chunks": 5, "orders_limit": 4}, 7, False),
        ({"chunks": 5}, 0, False),
        ({"chunks": 2}, 3, False),
    ],
)
def test_open_orders_are_shared_out_as_traders(changes: dict[str, object], orders: int, refused: bool) -> None:
    reason = asked("binance:XRPUSDT", orders=orders, **changes)
    assert (reason is not None) == refused
    assert reason is None or reason.startswith("chunks: all traded instruments together may have 8 open orders")
