"""How an order is named to `hedgehog explain`: by its id, or by instrument, trader and side, in any case."""

import pytest

from schemas import order_ids
from schemas.order_ids import OrderId, client_order_id, code_of
from streams.cli.errors import BadValue
from streams.cli.orders.explain import _instruments, _parsed

XRP, ETH = "binance:XRPUSDT", "binance:ETHUSDT"
FULL = client_order_id("k3f7qa", XRP, 12, "B")


@pytest.mark.parametrize(
    ("typed", "wanted", "instruments"),
    [
        (FULL, OrderId("k3f7qa", code_of(XRP), 12, "B"), [XRP]),
        (f"  {FULL.upper()} ", OrderId("k3f7qa", code_of(XRP), 12, "B"), [XRP]),
        (FULL.lower(), OrderId("k3f7qa", code_of(XRP), 12, "B"), [XRP]),
        ("binance:XRPUSDT:12:B", OrderId("", "binance:XRPUSDT", 12, "B"), [XRP]),
        ("xrp/usdt:012:s", OrderId("", "xrp/usdt", 12, "S"), [XRP]),
    ],
)
def test_an_order_is_named(typed: str, wanted: OrderId, instruments: list[str]) -> None:
    assert _parsed(typed) == wanted
    assert _instruments(wanted, [ETH, XRP]) == instruments


@pytest.mark.parametrize("typed", ["", "XRPUSDT", "XRPUSDT:12", "XRPUSDT:x:B", "12", "k3f7qa-12-B", "XRPUSDT:12:BUY"])
def test_what_names_no_order(typed: str) -> None:
    with pytest.raises(BadValue, match="is no client order id, nor a name of an order"):
        _parsed(typed)


def test_an_id_of_nobody() -> None:
    with pytest.raises(BadValue, match=f"{code_of(XRP)} stands for no instrument that is known"):
        _instruments(_parsed(FULL), [ETH])


def test_two_instruments_with_one_code_are_both_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_ids, "code_of", lambda _: "aaaaaaaaaaaa")
    assert _instruments(_parsed("k3f7qa-aaaaaaaaaaaa-12-B"), [ETH, XRP]) == [ETH, XRP]
