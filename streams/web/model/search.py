"""Search over all instruments of all exchanges."""

from typing import Any

from schemas.symbols import bare
from streams.web.model.board import Board, pair_of

FOUND = 12
LONGEST = 60


def find(board: Board, typed: str) -> dict[str, Any]:
    """Return the instruments that fit best what was typed, words in any order, such as `btc coin` or `XRP/USDT`."""
    words = [bare(word) for word in typed[:LONGEST].split()]
    words = [word for word in words if word]
    found = []
    if words:
        for key in board.names():
            exchange, base, quote = pair_of(board, key)
            symbol = bare(key.partition(":")[2])
            texts = (symbol, base.upper(), f"{base}{quote}".upper(), exchange.upper(), bare(key))
            if all(any(word in text for text in texts) for word in words):
                exact = not any(word in (base.upper(), symbol, f"{base}{quote}".upper()) for word in words)
                begins = not any(symbol.startswith(word) for word in words)
                found.append((exact, begins, key not in board.markets, len(symbol), key))
    rows = []
    for *_, key in sorted(found)[:FOUND]:
        exchange, base, quote = pair_of(board, key)
        rows.append({"key": key, "exchange": exchange, "base": base, "quote": quote, "live": key in board.markets})
    return {"found": rows, "total": len(found), "known": len(board.names())}
