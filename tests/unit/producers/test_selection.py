"""Settings, one after the other, and what each session is told to stream."""

import asyncio
import logging
from collections.abc import Iterable

import pytest

from producers.binance.client import Binance
from producers.holes import Memory
from producers.selection import Selection
from producers.session import Session
from tests.samples import settings, trade
from tests.unit.producers.tiny import Tiny


class Told(Session):
    """Remembers what it is told."""

    told: list[list[str]]

    def set_symbols(self, symbols: Iterable[str]) -> None:
        self.told = [*getattr(self, "told", []), sorted(symbols)]


def selection() -> tuple[Selection, Told, Told, dict[str, Memory]]:
    binance, tiny = Told(Binance("ws://127.0.0.1:1")), Told(Tiny("ws://127.0.0.1:1"))
    memories = {name: Memory(name, "contiguous") for name in ("binance", "tiny")}
    return Selection([binance, tiny], memories, ["binance", "tiny", "elsewhere"]), binance, tiny, memories


async def test_each_session_is_told_its_own_symbols_once() -> None:
    chosen, binance, tiny, _ = selection()
    for key in ("binance:XRPUSDT", "tiny:BTCEUR", "binance:BTCEUR"):
        chosen.change(settings(key, streaming=True))
    chosen.change(settings("binance:ETHUSDT", streaming=False))
    await asyncio.sleep(0)
    assert (binance.told, tiny.told) == ([["BTCEUR", "XRPUSDT"]], [["BTCEUR"]])
    chosen.change(settings("binance:BTCEUR", streaming=False))
    await asyncio.sleep(0)
    assert (binance.told[1:], tiny.told[1:]) == ([["XRPUSDT"]], [])
    chosen.change(settings("binance:XRPUSDT", streaming=True, chunks=3))
    await asyncio.sleep(0)
    assert len(binance.told) == 2, "nothing has changed about what is streamed"


async def test_what_an_instrument_trades_while_it_is_off_is_not_missing() -> None:
    chosen, _, _, memories = selection()
    for name in memories:
        memories[name].live([trade("1", 10, f"{name}:BTCEUR")], 0)
        chosen.change(settings(f"{name}:BTCEUR", streaming=True))
    chosen.change(settings("binance:BTCEUR", streaming=False))
    chosen.change(settings("binance:BTCEUR", streaming=True))
    for name, missing in (("binance", 0), ("tiny", 1)):
        memories[name].live([trade("1", 15, f"{name}:BTCEUR")], 0)
        assert len(memories[name].open) == missing


@pytest.mark.parametrize(("exchange", "said"), [("elsewhere", False), ("nowhere", True)])
async def test_an_exchange_without_a_session(exchange: str, said: bool, caplog: pytest.LogCaptureFixture) -> None:
    chosen, binance, tiny, _ = selection()
    with caplog.at_level(logging.ERROR):
        chosen.change(settings(f"{exchange}:BTCEUR", streaming=True))
    assert (f"{exchange}:BTCEUR: no producer for exchange" in caplog.text) is said
    assert not hasattr(binance, "told")
    assert not hasattr(tiny, "told")
