"""`hedgehog streaming` and `hedgehog trading`: the two switches of every instrument."""

# ruff: noqa: PLC0415 -- libraries are imported where they are used: `--help` does not wait for them

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from streams.cli.endpoints import with_settings
from streams.cli.errors import BadValue
from streams.cli.instruments.select import All, DryRun, Symbols, Yes, apply, confirm, pick, read
from streams.cli.output import Json, out

if TYPE_CHECKING:
    from schemas.records import Setup
    from streams.cli.instruments.changes import Change

streaming = typer.Typer(help="Whether a producer streams an instrument's trades.", no_args_is_help=True)
trading = typer.Typer(help="Whether an instrument is traded.", no_args_is_help=True)

STREAMING_COLUMNS = ("instrument", "streaming", "exchange_status", "updated_time")
TRADING_COLUMNS = ("instrument", "status", "streaming", "leader", "traders", "open_orders", "chunks", "budget")


@streaming.command("start")
def streaming_start(
    symbols: Symbols = None, everything: All = False, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Stream the trades of SYMBOLs; it holds over restarts. `hedgehog produce` does the streaming."""
    made = _switch(symbols, everything, {"streaming": True}, "streaming", dry_run, limited=True)
    _warn_halted(made)
    if made and not dry_run:
        out.note("next: hedgehog produce (unless it runs), hedgehog trading start SYMBOL")


@streaming.command("stop")
def streaming_stop(
    symbols: Symbols = None, everything: All = False, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Stop streaming the trades of SYMBOLs. Their orders stay as they are: without trades nothing happens."""
    made = _switch(symbols, everything, {"streaming": False}, "streaming", dry_run)
    trading_on = [c.after.symbol for c in made if c.after.status.value != "off"]
    if trading_on and not dry_run:
        out.note(f"still trading, now without trades: {_some(trading_on)}; see hedgehog trading stop")


@streaming.command("status")
def streaming_status(symbols: Symbols = None, everything: All = False, as_json: Json = False) -> None:
    """Show what is streamed; with SYMBOLs or --all also what is not."""
    from streams.cli.instruments.changes import as_row

    picked = _status_of(read(with_settings()), symbols, everything, lambda s: s.settings.streaming)
    out.rows(
        [{column: as_row(setup)[column] for column in STREAMING_COLUMNS} for setup in picked],
        STREAMING_COLUMNS,
        empty="nothing is streamed; start with: hedgehog streaming start SYMBOL",
    )


@trading.command("start")
def trading_start(
    symbols: Symbols = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Trade SYMBOLs by their settings, from the next market trade on."""
    from schemas.records import TradingStatus

    if everything and not dry_run:
        confirm("Start trading on every instrument, each with its own budget?", yes)
    made = _switch(symbols, everything, {"status": TradingStatus.ON}, "status", dry_run)
    silent = [c.after.symbol for c in made if not c.after.streaming]
    if silent:
        out.note(f"not streamed yet: {_some(silent)}; next: hedgehog streaming start {' '.join(silent[:3])}")
    elif made and not dry_run:
        out.note("next: hedgehog trading status, hedgehog orders list")


@trading.command("stop")
def trading_stop(
    symbols: Symbols = None,
    everything: All = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Stop SYMBOLs at once: no trader runs, open orders are cancelled, what was bought stays bought."""
    from schemas.records import TradingStatus

    if everything and not dry_run:
        confirm("Stop trading on every instrument and cancel its open orders?", yes)
    _switch(symbols, everything, {"status": TradingStatus.OFF}, "status", dry_run)


@trading.command("shutdown")
def trading_shutdown(
    symbols: Symbols = None, everything: All = False, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Let the running traders of SYMBOLs finish, start none, then off. Instruments that are off stay off."""
    from schemas.records import TradingStatus

    _switch(symbols, everything, {"status": TradingStatus.SHUTDOWN}, "status", dry_run, skip_off=True)


@trading.command("status")
def trading_status(symbols: Symbols = None, everything: All = False, as_json: Json = False) -> None:
    """Show what is set and what the leaders say of themselves; SYMBOLs or --all show instruments that are off."""
    from streams.cli.instruments.changes import as_row
    from streams.cli.instruments.leaders import leader_states, summary

    config = with_settings()
    known = read(config)
    states = leader_states(config)
    picked = _status_of(known, symbols, everything, lambda s: s.settings.status.value != "off" or s.key in states)
    rows = []
    for setup in picked:
        row = as_row(setup)
        shown = {name: row[name] for name in ("instrument", "status", "streaming", "chunks", "budget")}
        rows.append({**shown, **summary(states.get(setup.key))})
    out.rows(rows, TRADING_COLUMNS, empty="nothing is traded; start with: hedgehog trading start SYMBOL")


def _switch(
    symbols: Sequence[str] | None,
    everything: bool,
    values: Mapping[str, Any],
    field: str,
    dry_run: bool,
    *,
    skip_off: bool = False,
    limited: bool = False,
) -> "list[Change]":
    config = with_settings()
    known = read(config)
    picked = pick(known, symbols, everything)
    if limited:
        _check_streams(known, picked)
    if skip_off:
        picked = [setup for setup in picked if setup.settings.status.value != "off"]
    setting = next(iter(values.values()))
    return apply(
        config,
        picked,
        values,
        dry_run=dry_run,
        row=lambda change: _switched(change, field),
        columns=("instrument", "before", field),
        unchanged=f"nothing changed: {field} is {setting} already".replace("True", "on").replace("False", "off"),
    )


def _check_streams(known: "Mapping[str, Setup]", more: "Sequence[Setup]") -> None:
    """`BadValue` where the producer's connection cannot carry the streams of `more` beside those that run."""
    from producers.binance.protocol import STREAMS_MAX

    streams = {s.key for s in known.values() if s.settings.streaming} | {s.key for s in more}
    if len(streams) > STREAMS_MAX:
        raise BadValue(
            f"streaming: {len(streams)} instruments would be streamed, one connection carries {STREAMS_MAX}",
            hint="hedgehog streaming stop SYMBOL...",
        )


def _switched(change: "Change", field: str) -> dict[str, Any]:
    before, after = getattr(change.before, field), getattr(change.after, field)
    return {"instrument": change.after.instrument, "before": before, field: after}


def _status_of(
    known: "Mapping[str, Setup]", symbols: Sequence[str] | None, everything: bool, wanted: "Callable[[Setup], bool]"
) -> "list[Setup]":
    """The instruments asked for, or those that `wanted` holds for."""
    if symbols or everything:
        return pick(known, symbols, everything)
    return [setup for setup in known.values() if wanted(setup)]


def _warn_halted(made: "Sequence[Change]") -> None:
    halted = [c.after.symbol for c in made if c.instrument.exchange_status != "TRADING"]
    if halted:
        out.note(f"the exchange does not trade these at present: {_some(halted)}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
