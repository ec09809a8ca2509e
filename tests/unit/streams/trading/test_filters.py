"""What forbids an order, by the name of the exchange's filter."""

import pytest

from streams.trading.filters import FILTERS, refusal
from streams.trading.matching import BUYING, SELLING
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
        ({"max_notional": "99"}, "99", "1", ""),
        ({"max_notional": "98.99999999"}, "99", "1", "NOTIONAL"),
        ({"max_notional": "10000"}, "60000", "0.83333", "NOTIONAL"),
        ({"max_notional": "10000", "max_quantity": "0.8"}, "60000", "0.83333", "LOT_SIZE"),
    ],
)
def test_what_forbids_an_order(filters: dict[str, str], price: str, quantity: str, name: str) -> None:
    numbers = rules_of(*setup(**filters))
    assert FILTERS[refusal(numbers, BUYING, units(price), units(price), units(quantity), 0)] == name


FAR = {"bid_multiplier_up": "5", "bid_multiplier_down": "0.2", "ask_multiplier_up": "3", "ask_multiplier_down": "0.33"}


@pytest.mark.parametrize(
    ("side", "seen", "price", "filters", "name"),
    [
        (BUYING, "100", "20", FAR, ""),
        (BUYING, "100", "19.99999999", FAR, "PERCENT_PRICE_BY_SIDE"),
        (BUYING, "100", "500", FAR, ""),
        (BUYING, "100", "500.00000001", FAR, "PERCENT_PRICE_BY_SIDE"),
        (SELLING, "100", "33", FAR, ""),
        (SELLING, "100", "32.99999999", FAR, "PERCENT_PRICE_BY_SIDE"),
        (SELLING, "100", "300", FAR, ""),
        (SELLING, "100", "300.00000001", FAR, "PERCENT_PRICE_BY_SIDE"),
        (BUYING, "100", "1", {}, ""),
        (SELLING, "100", "9000", {}, ""),
        # each of the four by itself
        (BUYING, "100", "9000", {"bid_multiplier_down": "0.2"}, ""),
        (BUYING, "100", "1", {"bid_multiplier_up": "5"}, ""),
        (BUYING, "100", "19", FAR | {"max_price": "18"}, "PRICE_FILTER"),
    ],
)
def test_a_limit_far_off_the_market_is_refused(
    side: int, seen: str, price: str, filters: dict[str, str], name: str
) -> None:
    numbers = rules_of(*setup(**filters))
    assert FILTERS[refusal(numbers, side, units(seen), units(price), units("1"), 0)] == name


@pytest.mark.parametrize(
    ("side", "held", "quantity", "filters", "name"),
    [
        (BUYING, "9", "1", {"max_position": "10"}, ""),
        (BUYING, "9", "1.00000001", {"max_position": "10"}, "MAX_POSITION"),
        (BUYING, "0", "11", {"max_position": "10"}, "MAX_POSITION"),
        (SELLING, "10", "5", {"max_position": "10"}, ""),
        (BUYING, "9999999", "9999999", {}, ""),
        (BUYING, "9", "2", {"max_position": "10", "bid_multiplier_up": "0.5"}, "PERCENT_PRICE_BY_SIDE"),
    ],
)
def test_more_than_may_be_held_is_not_bought(
    side: int, held: str, quantity: str, filters: dict[str, str], name: str
) -> None:
    numbers = rules_of(*setup(**filters))
    assert FILTERS[refusal(numbers, side, units("9"), units("9"), units(quantity), units(held))] == name
