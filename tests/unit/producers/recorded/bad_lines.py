"""Lines of a recording that are no trades, and what every command says of them: field and value."""

AT = "1559433601000"


def line(**changes: str) -> str:
    """A line that is a trade, but for the fields that are told; of a symbol that its file has in other lines, too."""
    fields = {
        "event_type": "trade",
        "event_time": AT,
        "symbol": "XRPUSDT",
        "trade_id": "1",
        "price": "1",
        "quantity": "1",
        "buyer_order_id": "",
        "seller_order_id": "",
        "trade_time": AT,
        "buyer_market_maker": "true",
    }
    return ",".join((fields | changes).values())


BAD_LINES = {
    "price": (line(price="abc"), "price: 'abc' is not a decimal number"),
    "no price": (line(price=""), "price: '' is not a decimal number"),
    "zero": (line(price="0.00000000"), "price: 0 is not between 0.00000001 and"),
    "too fine": (line(price="0.123456789"), "price: '0.123456789' has more than 8 decimals"),
    "too fine by its exponent": (line(price="1e-9"), "price: '1e-9' has more than 8 decimals"),
    "not finite": (line(price="inf"), "price: 'inf' is not a decimal number"),
    "large": (line(price="1e10"), "price: 10000000000 is not between"),
    "more than 64 bits": (line(price=f"{2**64 + 5}"), f"price: {2**64 + 5} is not between"),
    "sign": (line(price="+1"), "price: '+1' is not a decimal number"),
    "comma for the point": (line(price='"0,5"'), "price: '0,5' is not a decimal number"),
    "negative": (line(quantity="-1.00000000"), "quantity: -1 is not between"),
    "id": (line(trade_id="1.5"), "trade_id: '1.5' is not a whole number"),
    "large id": (line(trade_id=f"{2**63}"), f"trade_id: {2**63} is above 2^63 - 1"),
    "order id": (line(buyer_order_id="-5"), "buyer_order_id: '-5' is not a whole number"),
    "time": (line(event_time="0"), "event_time: 0 is no time between 2009 and 2100 in s, ms, µs or ns"),
    "early": (line(trade_time="1230767999"), "trade_time: 1230767999 is no time between"),
    "late": (line(trade_time="4102444800000"), "trade_time: 4102444800000 is no time between"),
    "picoseconds": (line(trade_time=f"{AT}{10**9}"[:22]), "trade_time: 1559433601000100000000 is no time between"),
    "float of a time": (line(trade_time="1.5E+12"), "trade_time: '1.5E+12' is not a whole number"),
    "maker": (line(buyer_market_maker="yes"), "buyer_market_maker: 'yes' is neither true nor false"),
    "mixed maker": (line(buyer_market_maker="tRUE"), "buyer_market_maker: 'tRUE' is neither true nor false"),
    "torn": (line(buyer_market_maker="tru"), "buyer_market_maker: 'tru' is neither true nor false"),
    "kind": (line(event_type="quote"), "event_type: 'quote' is not 'trade'"),
    "symbol": (line(symbol=""), "symbol: '' is empty"),
    "way as a symbol": (line(symbol="../.."), "symbol: '../..' is not in letters, digits, - and _"),
    "symbol of no UTF-8": (line(symbol="\udcff"), "symbol: '\\udcff' is not in letters"),
    "short": (f"trade,{AT},XRPUSDT", "3 fields instead of 10"),
    "long": (f"{line()},", "11 fields instead of 10"),
    "blank": (line(event_time=f" {AT}"), f"event_time: ' {AT}' is not a whole number"),
    "bytes": ("\udcff\udcfe", "1 fields instead of 10"),
    "NUL": (line(event_time=f"{AT}\0\0"), "2 bytes of it are NUL"),
}
