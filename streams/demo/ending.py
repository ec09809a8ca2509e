"""What came of it, read from Postgres."""

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import create_engine

from infra.config import Config
from producers.binance.protocol import EXCHANGE
from schemas.market_records import Alert
from schemas.topics import ALERTS
from streams.cli.output import plain_table
from streams.demo.topic import records
from streams.notify.notices import NOWHERE, of_alert
from streams.warehouse import queries
from streams.warehouse.queries import Streamed, SymbolProfit

COLUMNS = ("symbol", "trades", "orders", "fills", "cycles", "profit after fees", "open position")

WATCHED = ("instrument", "trades", "of these filled", "candles")


def results(config: Config) -> Iterator[str]:
    """Yield a table of what is traded, what its columns mean, and a table of what is watched."""
    engine = create_engine(config.database)
    try:
        found = [profit for profit in queries.profit_by_symbol(engine) if profit.orders or profit.exchange == EXCHANGE]
        streamed = [each for each in queries.streamed_by_symbol(engine) if each.exchange != EXCHANGE]
    finally:
        engine.dispose()
    yield plain_table([_row(symbol) for symbol in found], COLUMNS)
    yield "A cycle is a trader that has bought and sold. An open position is bought and not yet sold: no profit yet."
    for symbol in found:
        if symbol.unknown:
            yield f"{symbol.symbol}: fills of {symbol.unknown:,} traders are not in Postgres; their profit is left out."

    yield "\nWatched on two other exchanges, one of which was cut off on the way:"
    yield plain_table([_streamed(each) for each in streamed], WATCHED)


def newest_alerts(config: Config) -> Iterator[str]:
    """Yield the newest alert of each kind, as `hedgehog notify` would tell it."""
    newest: dict[str, Alert] = {}
    for alert in records(config, ALERTS, Alert):
        known = newest.get(alert.kind)
        if known is None or alert.event_time > known.event_time:
            newest[alert.kind] = alert
    if newest:
        yield "\nThe newest alert of each kind, as hedgehog notify tells it:"
    for _, alert in sorted(newest.items()):
        yield f"  {of_alert(alert, NOWHERE).headline}"


def _row(found: SymbolProfit) -> dict[str, str]:
    base = found.symbol.removesuffix(found.quote_asset)
    counts = (found.trades, found.orders, found.fills, found.cycles)
    profit = f"{found.profit.quantize(Decimal('0.0001')):+} {found.quote_asset}"
    cells = (found.symbol, *(f"{count:,}" for count in counts), profit, f"{found.position.normalize():f} {base}")
    return dict(zip(COLUMNS, cells, strict=True))


def _streamed(found: Streamed) -> dict[str, str]:
    cells = (
        f"{found.exchange}:{found.symbol}",
        *(f"{count:,}" for count in (found.trades, found.filled, found.candles)),
    )
    return dict(zip(WATCHED, cells, strict=True))
