"""What came of it, read from Postgres."""

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import create_engine

from infra.config import Config
from streams.cli.output import plain_table
from streams.warehouse import queries
from streams.warehouse.queries import SymbolProfit

COLUMNS = ("symbol", "trades", "orders", "fills", "cycles", "profit after fees", "open position")


def results(config: Config) -> Iterator[str]:
    """Yield a table with a row for each symbol, and what its columns mean."""
    engine = create_engine(config.database)
    try:
        found = queries.profit_by_symbol(engine)
    finally:
        engine.dispose()
    yield plain_table([_row(symbol) for symbol in found], COLUMNS)
    yield "A cycle is a trader that has bought and sold. An open position is bought and not yet sold: no profit yet."
    for symbol in found:
        if symbol.unknown:
            yield f"{symbol.symbol}: fills of {symbol.unknown:,} traders are not in Postgres; their profit is left out."


def _row(found: SymbolProfit) -> dict[str, str]:
    base = found.symbol.removesuffix(found.quote_asset)
    counts = (found.trades, found.orders, found.fills, found.cycles)
    profit = f"{found.profit.quantize(Decimal('0.0001')):+} {found.quote_asset}"
    cells = (found.symbol, *(f"{count:,}" for count in counts), profit, f"{found.position.normalize():f} {base}")
    return dict(zip(COLUMNS, cells, strict=True))
