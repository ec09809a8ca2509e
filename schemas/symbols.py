"""The names of instruments: `exchange:SYMBOL`, as the keys of the topics have them and as people type them."""

from schemas.errors import Refused

_SEPARATORS = str.maketrans("", "", "/-_ ")


def split_instrument(instrument: str) -> tuple[str, str]:
    """Return exchange and symbol of `exchange:SYMBOL`; raise `Refused` that names anything else."""
    exchange, _, symbol = instrument.partition(":")
    if not exchange or not symbol or ":" in symbol:
        raise Refused(f"instrument: {instrument!r} is not exchange:SYMBOL")
    return exchange, symbol


def typed_instrument(text: str, exchange: str = "") -> tuple[str, str]:
    """Return exchange and symbol of what somebody typed: `xrpusdt`, `XRP/USDT`, `binance:XRPUSDT`.

    `exchange` is for where none was typed. The symbol is empty where the text names none.
    """
    typed, _, symbol = text.rpartition(":")
    return typed.strip().lower() or exchange, symbol.translate(_SEPARATORS).upper()
