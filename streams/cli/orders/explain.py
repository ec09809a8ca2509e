"""`hedgehog explain ORDER`: which input made an order, what it found, and the arithmetic."""

import re
from collections.abc import Callable, Collection
from typing import Any

import typer

from infra.config import Config
from schemas.order_ids import OrderId, client_order_id, read_id
from schemas.topics import ORDERS
from streams.audit.explain import Explanation, NotReplayable, UnknownOrder
from streams.audit.explain import explain as explained
from streams.audit.near import recorded_of_trader
from streams.cli.endpoints import with_settings
from streams.cli.errors import PROBLEM, BadValue, CliError
from streams.cli.instruments.select import read
from streams.cli.instruments.symbols import resolve
from streams.cli.orders.explain_rows import as_row
from streams.cli.orders.options import Explain
from streams.cli.output import Output
from streams.topics.read import partitions_of

FIND = "hedgehog orders list"


def explain(asked: Explain, out: Output) -> None:
    """Show what made the order; exit code 1 where the replay gives another one than was recorded."""
    row = explained_row(with_settings(), asked.order, out.progress)
    if out.json:
        out.record(row)
    else:
        _show(row, out)
    if row["differences"]:
        raise typer.Exit(PROBLEM)


def explained_row(config: Config, order: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Return what made the order that somebody named; `CliError` where it is none, or cannot be replayed."""
    wanted = _parsed(order)
    found = _explained(config, wanted, _instruments(wanted, read(config)), say)
    return as_row(found, config.topic_prefix)


def _parsed(order: str) -> OrderId:
    typed = order.strip()
    wanted = read_id(re.sub(r"[bs][0-9]*$", lambda side: side[0].upper(), typed))
    if wanted is None:
        text = f"ORDER: {order!r} is no client order id, nor a name of an order such as binance:XRPUSDT:12:B"
        raise BadValue(text, hint=FIND)
    lower = wanted._replace(incarnation=wanted.incarnation.lower(), instrument=wanted.instrument.lower())
    return lower if wanted.incarnation else wanted


def _instruments(wanted: OrderId, known: Collection[str]) -> list[str]:
    """Return the instruments that an id may be about: one, or by a coincidence of codes several."""
    if not wanted.incarnation:
        return resolve([wanted.instrument], known)
    keys = [key for key in known if wanted.is_of(key)]
    if not keys:
        raise BadValue(f"ORDER: {wanted.instrument} stands for no instrument that is known", hint=FIND)
    return keys


def _explained(config: Config, wanted: OrderId, keys: list[str], say: Callable[[str], None]) -> Explanation:
    """Explain the order of the first of these instruments that has it."""
    say(f"reading what was recorded of {' and '.join(keys)} when trader {wanted.trader} ran…")
    unknown: CliError = CliError(f"no order of {' or '.join(keys)} was recorded", hint=FIND)
    for key, partition in partitions_of(config, ORDERS, keys).items():
        stretches = recorded_of_trader(config, key, partition, wanted.trader)
        if not any(recorded.orders or recorded.journal or recorded.begin for recorded in stretches):
            continue
        try:
            return explained(stretches, client_order_id(wanted.incarnation, key, wanted.trader, wanted.side))
        except NotReplayable as error:
            raise CliError(str(error)) from None
        except UnknownOrder as error:
            near = f"; did you mean {' or '.join(error.nearest)}?" if error.nearest else ""
            unknown = BadValue(f"ORDER: {error}{near}", hint=FIND)
    raise unknown


def _show(row: dict[str, Any], out: Output) -> None:
    out.line(f"{row['name']}  {row['summary']}  ({row['client_order_id']})")
    if row["start"] is not None:
        _show_step(f"Trader {row['trader']} started", row["start"], out)
    for snapshot in row["snapshots"]:
        what = " and ".join(name for name in ("recorded", "replayed") if snapshot[name])
        title = f"{snapshot['status']}, version {snapshot['version']}" + ("" if " and " in what else f", only {what}")
        _show_step(title, snapshot, out)
    if row["differences"]:
        columns = ("version", "recorded", "replayed")
        out.section("The replay differs from what was recorded", row["differences"], columns, empty="")
    else:
        out.note("the replay gives this order as it was recorded, field by field")
    if row["other_differences"]:
        out.note(f"{row['other_differences']} other records of the instrument differ: hedgehog audit")


def _show_step(title: str, step: dict[str, Any], out: Output) -> None:
    out.line(f"\n{title}: {step['why']}")
    out.line(f"  {step['event']['text']}")
    if step["arithmetic"]:
        out.section("arithmetic", step["arithmetic"], ("what", "formula", "exact", "result"), empty="")
    out.section("state", step["state"], ("what", "before", "after"), empty="")
    for other in step["also"]:
        out.line(f"also: {other}")
