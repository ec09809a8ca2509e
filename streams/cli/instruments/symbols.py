"""Instruments as people type them: `xrpusdt`, `XRP/USDT`, `binance:XRPUSDT`, `coinbase:btcusd`."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from producers.recorded.naming import EXCHANGE
from schemas.symbols import bare, split_instrument, typed_instrument
from streams.cli.errors import BadValue

SUGGESTIONS = 5


def keys_of(typed: Iterable[str]) -> list[str]:
    """Return the keys (`exchange:SYMBOL`) that symbols of recorded trades stand for, each once; none has to be known.

    They are of Binance unless they say otherwise. Raises `BadValue` for a text that names no symbol.
    """
    return list(dict.fromkeys(_key_of(text) for text in typed))


def _key_of(text: str) -> str:
    exchange, symbol = typed_instrument(text, EXCHANGE)
    if not symbol or ":" in exchange:
        raise BadValue(f"--symbol: {text!r} names no symbol")
    return f"{exchange}:{symbol}"


def resolve(typed: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the keys (`exchange:SYMBOL`) that `typed` stands for, each once, in the order typed.

    Raises `BadValue` for a symbol that is not among `known`, naming the nearest ones, or that two exchanges
    have.
    """
    if not known:
        raise BadValue("no instrument is known yet", hint="hedgehog settings seed")
    by_symbol: dict[str, list[str]] = {}
    for key in known:
        by_symbol.setdefault(bare(split_instrument(key)[1]), []).append(key)
    return list(dict.fromkeys(_one(name, known, by_symbol) for name in typed))


def _one(name: str, known: Collection[str], by_symbol: dict[str, list[str]]) -> str:
    exchange, symbol = typed_instrument(name)
    keys = by_symbol.get(bare(symbol), [])
    if ":" in name:
        of_exchange = [key for key in keys if key.startswith(f"{exchange}:")]
        if not of_exchange:
            raise _unknown(name, nearest(f"{exchange}:{symbol}", known))
        return of_exchange[0]
    if not keys:
        raise _unknown(name, nearest(symbol, by_symbol))
    if len(keys) > 1:
        raise BadValue(f"symbol {name!r} is on several exchanges: {' or '.join(sorted(keys))}")
    return keys[0]


def nearest(symbol: str, known: Iterable[str]) -> list[str]:
    """Return up to five known symbols that look like `symbol`: typing errors first, then what it begins."""
    names = sorted(known)
    close = get_close_matches(symbol, names, n=SUGGESTIONS, cutoff=0.72)
    begun = [name for name in names if symbol and name.startswith(symbol)]
    return list(dict.fromkeys(close + begun))[:SUGGESTIONS]


def _unknown(name: str, near: list[str]) -> BadValue:
    if not near:
        return BadValue(f"unknown symbol {name!r}", hint="hedgehog settings show")
    return BadValue(f"unknown symbol {name!r}; did you mean {' or '.join(near)}?")
