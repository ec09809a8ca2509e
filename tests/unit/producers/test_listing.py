"""Where lists of symbols come from, and what of them is left out."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from producers.bitstamp.pairs import parse_pairs
from producers.coinbase.products import parse_products
from producers.exchanges import LISTERS
from producers.listing import Listing, ListingError
from producers.local_exchange.faults import HttpFault
from schemas.units import AMOUNT_MAX, ONE
from tests.unit.producers.feeds import exchange_of, market

NAMES = list(LISTERS)
PRODUCT = {
    "id": "BTC-USD",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "quote_increment": "0.01",
    "base_increment": "0.00000001",
    "display_name": "BTC/USD",
    "min_market_funds": "1",
    "post_only": False,
    "limit_only": False,
    "cancel_only": False,
    "trading_disabled": False,
    "status": "online",
    "status_message": "",
    "auction_mode": False,
}
PAIR = {
    "name": "BTC/USD",
    "url_symbol": "btcusd",
    "base_decimals": 8,
    "counter_decimals": 0,
    "minimum_order": "10.0 USD",
    "trading": "Enabled",
    "description": "Bitcoin / U.S. dollar",
}


def products(*rows: object) -> Listing:
    return parse_products(json.dumps(rows).encode())


def pairs(*rows: object) -> Listing:
    return parse_pairs(json.dumps(rows).encode())


def left_out(listing: Listing) -> list[tuple[str, str]]:
    return [(each.instrument, each.reason) for each in listing.left_out]


def test_a_product_of_coinbase() -> None:
    (product,), none = products(PRODUCT)
    assert not none
    assert (product.instrument, product.base_asset, product.quote_asset) == ("coinbase:BTC-USD", "BTC", "USD")
    assert (product.tick_size, product.step_size, product.min_notional) == (ONE // 100, 1, ONE)
    assert (product.max_price, product.max_quantity, product.exchange_status) == (0, AMOUNT_MAX, "TRADING")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "delisted"}, "DELISTED"),
        ({"trading_disabled": True, "cancel_only": True}, "HALT"),
        ({"cancel_only": True}, "CANCEL_ONLY"),
        ({"post_only": True}, "POST_ONLY"),
        ({"limit_only": True}, "LIMIT_ONLY"),
        ({"auction_mode": True}, "AUCTION"),
    ],
)
def test_what_is_in_the_way_of_an_order_on_coinbase(changes: dict[str, Any], status: str) -> None:
    (product,), _ = products(PRODUCT | changes)
    assert product.exchange_status == status


@pytest.mark.parametrize(
    ("row", "name", "reason"),
    [
        (
            PRODUCT | {"base_increment": "0.000000001"},
            "BTC-USD",
            "'0.000000001' has more than 8 decimals",
        ),
        (PRODUCT | {"quote_increment": "0"}, "BTC-USD", "tick_size: 0 is not between"),
        (PRODUCT | {"quote_increment": 0.01}, "BTC-USD", "Expected `str`, got `float`"),
        ({"id": "BTC-USD"}, "BTC-USD", "missing required field `base_currency`"),
        (PRODUCT | {"id": "BTC/USD"}, "BTC/USD", "symbol: 'BTC/USD' has the character '/'"),
        (7, "row 1", "Expected `object`, got `int`"),
        (PRODUCT | {"id": None}, "row 1", "Expected `str`, got `null`"),
    ],
)
def test_an_odd_product_is_left_out_and_the_others_are_kept(row: object, name: str, reason: str) -> None:
    listing = products(row, PRODUCT | {"id": "ETH-EUR"})
    assert [instrument.symbol for instrument in listing.instruments] == ["ETH-EUR"]
    ((odd, why),) = left_out(listing)
    assert odd == f"coinbase:{name}"
    assert reason in why


def test_a_product_in_usdc_is_an_alias_where_there_is_one_in_usd() -> None:
    listing = products(PRODUCT, PRODUCT | {"id": "BTC-USDC"}, PRODUCT | {"id": "NEW-USDC"})
    assert [instrument.symbol for instrument in listing.instruments] == ["BTC-USD", "NEW-USDC"]
    assert left_out(listing) == [("coinbase:BTC-USDC", "its trades come as those of BTC-USD")]


def test_a_pair_of_bitstamp() -> None:
    (pair,), none = pairs(PAIR)
    assert not none
    assert (pair.instrument, pair.base_asset, pair.quote_asset) == ("bitstamp:BTCUSD", "BTC", "USD")
    assert (pair.tick_size, pair.step_size, pair.min_notional) == (ONE, 1, 10 * ONE)
    assert pair.exchange_status == "TRADING"
    renamed = {"market_symbol": "btcusd", "minimum_order_value": "10", "base_currency": "BTC"}
    again = {name: value for name, value in PAIR.items() if name not in ("url_symbol", "minimum_order")} | renamed
    assert pairs(again).instruments == [pair]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"base_decimals": 9}, "base_decimals: 9 is not between 0 and 8"),
        ({"counter_decimals": -1}, "counter_decimals: -1 is not between 0 and 8"),
        ({"minimum_order": "ten"}, "minimum_order: 'ten' is not a decimal number"),
        ({"url_symbol": "btcUSD"}, "url_symbol: 'btcUSD' cannot be told from what it is in capitals"),
        ({"url_symbol": None}, "name no pair"),
        ({"name": "BTCUSD"}, "name no pair"),
    ],
)
def test_an_odd_pair_is_left_out_and_the_others_are_kept(changes: dict[str, Any], reason: str) -> None:
    listing = pairs(PAIR | changes, PAIR | {"name": "ETH/EUR", "url_symbol": "etheur", "trading": "Disabled"})
    assert [(each.symbol, each.exchange_status) for each in listing.instruments] == [("ETHEUR", "DISABLED")]
    assert len(listing.left_out) == 1
    assert reason in listing.left_out[0].reason


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("payload", [b"<html>", b"7", b'{"message":"NotFound"}', b""])
def test_what_is_no_list_is_refused_with_its_source(name: str, payload: bytes, tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_bytes(payload)
    with pytest.raises(ListingError, match=r"saved\.json: no "):
        LISTERS[name].open(path)
    with pytest.raises(ListingError, match=r"nowhere\.json: .*No such file"):
        LISTERS[name].open(tmp_path / "nowhere.json")


def test_a_saved_answer_may_be_packed(tmp_path: Path) -> None:
    plain, packed = tmp_path / "pairs.json", tmp_path / "pairs.json.gz"
    plain.write_bytes(json.dumps([PAIR]).encode())
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert LISTERS["bitstamp"].open(plain) == LISTERS["bitstamp"].open(packed) == pairs(PAIR)
    plain.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes())
    assert LISTERS["bitstamp"].open(plain) == pairs(PAIR), "with a byte order mark"
    damaged = bytearray(packed.read_bytes())
    damaged[12] ^= 0xFF
    packed.write_bytes(damaged)
    with pytest.raises(ListingError, match=r"pairs\.json\.gz: "):
        LISTERS["bitstamp"].open(packed)


@pytest.mark.parametrize("name", NAMES)
async def test_the_answer_to_a_refusal_is_told(name: str) -> None:
    async with exchange_of(market(wait=False, name=name), name=name) as exchange:
        exchange.faults.calls.append(HttpFault(451, "120", "not from where you are"))
        with pytest.raises(ListingError, match="HTTP 451: not from where you are; it asks to wait: 120"):
            await asyncio.to_thread(LISTERS[name].ask, exchange.rest_url)
