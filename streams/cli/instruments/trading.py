"""`hedgehog trading`: switches trading of an instrument on and off."""

from schemas.records import Setup, TradingStatus
from streams.cli.endpoints import with_settings
from streams.cli.instruments.coarse import tell_live
from streams.cli.instruments.options import ShutDownTrading, StartTrading, StopTrading
from streams.cli.instruments.select import confirm, pick, read, some, switch
from streams.cli.output import Output


def start(asked: StartTrading, out: Output) -> None:
    """Switch trading on; tell which of the instruments are not streamed."""
    if asked.wanted.everything and not asked.dry_run:
        confirm("Start trading on every instrument, each with its own budget?", asked.yes)
    config = with_settings()
    made = switch(config, pick(read(config), asked.wanted), "status", TradingStatus.ON, asked.dry_run, out)
    tell_live(config, [Setup(each.instrument, each.after) for each in made], out)
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
