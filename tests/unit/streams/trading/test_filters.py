"""What forbids an order, by the name of the exchange's filter."""

import pytest

from streams.trading.filters import FILTERS, refusal
from streams.trading.rules import rules_of
from tests.samples import setup, units


@pytest.mark.parametrize(
    ("filters", "price", "quantity", "name"),
    [
        ({}, "99", "1", ""),
        ({}, "0", "1", "PRICE_FILTER"),
        ({"min_price": "99"}, "99", "1", ""),
        ({"min_price": "99.01"}, "99", "1", "PRICE_FILTER"),
        ({"max_price": "99"}, "99", "1", ""),
        ({"max_price": "98.99"}, "99", "1", "PRICE_FILTER"),
        ({}, "99", "0", "LOT_SIZE"),
        ({"min_quantity": "1"}, "99", "1", ""),
        ({"min_quantity": "1.1"}, "99", "1", "LOT_SIZE"),
        ({"max_quantity": "1"}, "99", "1", ""),
        ({"max_quantity": "0.9"}, "99", "1", "LOT_SIZE"),
        ({"min_notional": "99"}, "99", "1", ""),
        ({"min_notional": "99.00000001"}, "99", "1", "MIN_NOTIONAL"),
        ({"min_price": "100", "min_quantity": "2", "min_notional": "500"}, "99", "1", "PRICE_FILTER"),
    ],
)
def test_what_forbids_an_order(filters: dict[str, str], price: str, quantity: str, name: str) -> None:
    numbers = rules_of(*setup(**filters))
    assert FILTERS[refusal(numbers, units(price), units(quantity))] == name
