"""The names of instruments: `exchange:SYMBOL`, as the keys of the topics have them and as people type them."""

from schemas.errors import Refused

GLOBAL_IDS = frozenset({"bitstamp"})
"""Exchanges whose trade ids belong to all their instruments together: one that is left out says nothing."""

_SEPARATORS = "/-_ "
_WITHOUT_SEPARATORS = str.maketrans("", "", _SEPARATORS)
_DASHED = {"coinbase": ("USDT", "USDC", "USD", "EUR", "GBP", "BTC", "ETH")}
"""Exchanges whose symbols have a dash, and the ends of those that are typed without it."""
_TO_DASHES = str.maketrans(_SEPARATORS, "-" * len(_SEPARATORS))
_FORBIDDEN = frozenset(":/,;'\"\\?#%&=*")


def split_instrument(instrument: str) -> tuple[str, str]:
    """Return exchange and symbol of `exchange:SYMBOL`; raise `Refused` that names anything else."""
    exchange, _, symbol = instrument.partition(":")
    if not exchange or not symbol or ":" in symbol:
        raise Refused(f"instrument: {instrument!r} is not exchange:SYMBOL")
    return exchange, symbol


def check_symbol(symbol: str) -> None:
    """Raise `Refused` for a symbol that could not be a part of a URL or a line as it is: it names the character."""
    odd = next((char for char in symbol if char in _FORBIDDEN or not char.isprintable() or char.isspace()), None)
    if odd is not None:
        raise Refused(f"symbol: {symbol!r} has the character {odd!r}")


def bare(symbol: str) -> str:
    """Return a symbol as it is compared with what somebody typed: in capitals, without dash or slash."""
    return symbol.translate(_WITHOUT_SEPARATORS).upper()


def typed_instrument(text: str, exchange: str = "") -> tuple[str, str]:
    """Return exchange and symbol of what somebody typed: `xrpusdt`, `XRP/USDT`, `binance:XRPUSDT`, `coinbase:btcusd`.

    `exchange` is for where none was typed. The symbol is empty where the text names none. One of an exchange that
    writes a dash has it, as far as it can be told where.
    """
    typed, _, name = text.rpartition(":")
    of, symbol = typed.strip().lower() or exchange, bare(name)
    if of not in _DASHED:
        return of, symbol
    parts = [part for part in name.strip().upper().translate(_TO_DASHES).split("-") if part]
    if len(parts) > 1:
        return of, "-".join(parts)
    end = next((end for end in _DASHED[of] if symbol.endswith(end) and symbol != end), "")
    return of, f"{symbol.removesuffix(end)}-{end}" if end else symbol
