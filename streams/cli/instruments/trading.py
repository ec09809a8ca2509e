"""`hedgehog trading`: switches trading of an instrument on and off."""

from producers import halting
from schemas.records import Setup, TradingStatus
from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue
from streams.cli.instruments.coarse import tell_live
from streams.cli.instruments.options import HaltTrading, ShutDownTrading, StartTrading, StopTrading
from streams.cli.instruments.select import confirm, pick, read, some, switch
from streams.cli.output import Output


def start(asked: StartTrading, out: Output) -> None:
    """Switch trading on; tell which of the instruments are not streamed. What was halted is started by name only."""
    if asked.wanted.everything and not asked.dry_run:
        confirm("Start trading on every instrument, each with its own budget?", asked.yes)
    config = with_settings()
    picked = pick(read(config), asked.wanted)
    halted = [setup.settings.symbol for setup in picked if setup.settings.halted]
    if asked.wanted.everything and halted:
        raise BadValue(f"--all: {some(halted)} were halted", hint=f"by name: hedgehog trading start {halted[0]}")
    made = switch(config, picked, "status", TradingStatus.ON, asked.dry_run, out)
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


def halt(asked: HaltTrading, out: Output) -> None:
    """Halt what is asked for, and show what that was; it is done when this is shown."""
    config = with_settings()
    if asked.wanted.everything and not asked.wanted.symbols:
        halted = halting.halt(config)  # before anything is asked of the user, or of what the exchange says
    else:
        halted = halting.halt(config, {setup.key for setup in pick(read(config), asked.wanted)})
    rows = [
        {"instrument": key, "before": before.status, "status": TradingStatus.OFF, "halted": True}
        for key, before in sorted(halted.items())
    ]
    out.rows(rows, ("instrument", "before", "status"), empty="nothing was traded")
    if halted:
        name = next(iter(halted.values())).symbol
        out.note(f"halted: {len(halted)} instruments; each starts by its name only: hedgehog trading start {name}")


def shutdown(asked: ShutDownTrading, out: Output) -> None:
    """Let trading end where it is on."""
    config = with_settings()
    picked = [setup for setup in pick(read(config), asked.wanted) if setup.settings.status is not TradingStatus.OFF]
    switch(config, picked, "status", TradingStatus.SHUTDOWN, asked.dry_run, out)
