"""`hedgehog streaming`: whether a producer streams an instrument's trades."""

from streams.cli.endpoints import with_settings
from streams.cli.instruments.changes import as_row
from streams.cli.instruments.options import StartStreaming, StopStreaming, StreamingStatus
from streams.cli.instruments.select import pick, pick_or, read, some, switch
from streams.cli.output import Output

COLUMNS = ("instrument", "streaming", "exchange_status", "updated_time")


def start(asked: StartStreaming, out: Output) -> None:
    """Switch streaming on; tell which of the instruments the exchange does not trade at present."""
    config = with_settings()
    picked = pick(read(config), asked.wanted)
    made = switch(config, picked, "streaming", True, asked.dry_run, out)
    halted = [change.after.symbol for change in made if change.instrument.exchange_status != "TRADING"]
    if halted:
        out.note(f"the exchange does not trade these at present: {some(halted)}")
    if made and not asked.dry_run:
        out.note("next: hedgehog produce (unless it runs), hedgehog trading start SYMBOL")


def stop(asked: StopStreaming, out: Output) -> None:
    """Switch streaming off; tell which of the instruments are still traded."""
    config = with_settings()
    made = switch(config, pick(read(config), asked.wanted), "streaming", False, asked.dry_run, out)
    trading_on = [change.after.symbol for change in made if change.after.status.value != "off"]
    if trading_on and not asked.dry_run:
        out.note(f"still trading, now without trades: {some(trading_on)}; see hedgehog trading stop")


def status(asked: StreamingStatus, out: Output) -> None:
    """Show what is streamed, or what was asked for."""
    picked = pick_or(read(with_settings()), asked.wanted, lambda setup: setup.settings.streaming)
    out.rows(
        [{column: as_row(setup)[column] for column in COLUMNS} for setup in picked],
        COLUMNS,
        empty="nothing is streamed; start with: hedgehog streaming start SYMBOL",
    )
