"""`hedgehog trading`: whether an instrument is traded, and what its leader says."""

from schemas.records import TradingStatus
from streams.cli.endpoints import with_settings
from streams.cli.instruments import options
from streams.cli.instruments.changes import as_row
from streams.cli.instruments.leaders import leader_states, summary
from streams.cli.instruments.options import ShutDownTrading, StartTrading, StopTrading
from streams.cli.instruments.select import confirm, pick, pick_or, read, some, switch
from streams.cli.output import Output

COLUMNS = ("instrument", "status", "streaming", "leader", "traders", "open_orders", "chunks", "budget")
SET = ("instrument", "status", "streaming", "chunks", "budget")
"""Of the columns, those that the user set."""


def start(asked: StartTrading, out: Output) -> None:
    """Switch trading on; tell which of the instruments are not streamed."""
    if asked.wanted.everything and not asked.dry_run:
        confirm("Start trading on every instrument, each with its own budget?", asked.yes)
    config = with_settings()
    made = switch(config, pick(read(config), asked.wanted), "status", TradingStatus.ON, asked.dry_run, out)
    silent = [change.after.symbol for change in made if not change.after.streaming]
    if silent:
        out.note(f"not streamed yet: {some(silent)}; next: hedgehog streaming start {' '.join(silent[:3])}")
    elif made and not asked.dry_run:
        out.note("next: hedgehog trading status, hedgehog orders list")


def stop(asked: StopTrading, out: Output) -> None:
    """Switch trading off."""
    if asked.wanted.everything and not asked.dry_run:
        confirm("Stop trading on every instrument and cancel its open orders?", asked.yes)
    config = with_settings()
    switch(config, pick(read(config), asked.wanted), "status", TradingStatus.OFF, asked.dry_run, out)


def shutdown(asked: ShutDownTrading, out: Output) -> None:
    """Let trading end where it is on."""
    config = with_settings()
    picked = [setup for setup in pick(read(config), asked.wanted) if setup.settings.status is not TradingStatus.OFF]
    switch(config, picked, "status", TradingStatus.SHUTDOWN, asked.dry_run, out)


def status(asked: options.TradingStatus, out: Output) -> None:
    """Show what is traded or has a leader, or what was asked for."""
    config = with_settings()
    known = read(config)
    states = leader_states(config, out)
    picked = pick_or(
        known,
        asked.wanted,
        lambda setup: setup.settings.status is not TradingStatus.OFF or setup.key in states,
    )
    rows = [{**{name: as_row(setup)[name] for name in SET}, **summary(states.get(setup.key))} for setup in picked]
    out.rows(rows, COLUMNS, empty="nothing is traded; start with: hedgehog trading start SYMBOL")
