"""An explained order as a row: plain decimals, ISO times, full topic names."""

from typing import Any

import msgspec

from schemas.records import Fill, Order, Record
from schemas.times import iso
from schemas.units import plain
from streams.audit.events import Event
from streams.audit.explain import Explanation, Snapshot, Step
from streams.cli.instruments.changes import instrument_row, settings_row
from streams.cli.orders.audit import shown_record

Row = dict[str, Any]

DECIMALS = ("price", "quantity", "executed_quantity", "cumulative_quantity", "order_quantity", "commission")
TIMES = ("created_time", "updated_time", "transaction_time")


def as_row(found: Explanation, topic_prefix: str) -> Row:
    """Return everything that `--json` shows; the texts are what people read."""
    last = found.snapshots[-1].order
    return {
        "client_order_id": found.client_order_id,
        "name": last.name,
        "summary": _summary(last),
        "instrument": last.instrument,
        "trader": last.trader,
        "start": None if found.start is None else _step(found.start, topic_prefix),
        "snapshots": [_snapshot(snapshot, topic_prefix) for snapshot in found.snapshots],
        "differences": [
            {"version": d.version, "recorded": _differing(d.recorded), "replayed": _differing(d.refolded)}
            for d in found.differences
        ],
        "other_differences": found.other_differences,
    }


def _summary(order: Order) -> str:
    return f"{order.side} {plain(order.quantity)} at {plain(order.price)}: {order.status}"


def _differing(record: Record | None) -> str | None:
    """An order with everything that may differ, not only what is usually looked at."""
    if not isinstance(record, Order):
        return shown_record(record)
    row = _row(record)
    return ", ".join(f"{name} {value}" for name, value in row.items() if name not in ("exchange", "symbol", "version"))


def _snapshot(snapshot: Snapshot, topic_prefix: str) -> Row:
    recorded, refolded = snapshot.recorded, snapshot.refolded
    return {
        "version": snapshot.order.version,
        "status": snapshot.order.status,
        "recorded": None if recorded is None else _row(recorded),
        # a refold is nobody's: it has no epoch
        "replayed": None if refolded is None else {n: value for n, value in _row(refolded).items() if n != "epoch"},
        **_step(snapshot.step, topic_prefix),
    }


def _step(step: Step, topic_prefix: str) -> Row:
    return {
        "event": _event(step.event, topic_prefix),
        "why": step.why,
        "arithmetic": msgspec.to_builtins(step.arithmetic),
        "state": msgspec.to_builtins(step.state),
        "also": [f"{order.name} {_summary(order)}" for order in step.also],
    }


def _event(event: Event, topic_prefix: str) -> Row:
    topic = f"{topic_prefix}{event.place.topic}"
    row = {
        "topic": topic,
        "partition": event.partition,
        "offset": event.place.offset,
        "time": iso(event.time) if event.time else None,
        "trade_id": event.trade_id,
        "price": None if event.price is None else plain(event.price),
        "fill": None if event.fill is None else _row(event.fill),
        "due_to": None if event.due_to is None else _event(event.due_to, topic_prefix),
        "settings": None if event.settings is None else settings_row(event.settings),
        "instrument": None if event.instrument is None else instrument_row(event.instrument),
    }
    where = f"{topic} partition {event.partition} offset {event.place.offset}"
    when = f"  {row['time']}" if event.time else ""
    return row | {"text": f"{_what(event)}  {where}{when}"}


def _what(event: Event) -> str:
    """The input in words."""
    if event.trade_id is not None and event.price is not None:
        return f"trade {event.trade_id} at {plain(event.price)}"
    if event.fill is not None:
        fill = event.fill
        done = f"{plain(fill.cumulative_quantity)} of {plain(fill.order_quantity)}"
        due = "" if fill.trade_id is None else f", due to trade {fill.trade_id}"
        if event.due_to is not None and event.due_to.price is not None:
            due += f" at {plain(event.due_to.price)}, offset {event.due_to.place.offset}"
        return (
            f"report {fill.fill_id} {fill.execution_type}: {plain(fill.quantity)} at {plain(fill.price)}, "
            f"in all {done}, commission {plain(fill.commission)}{due}"
        )
    if event.settings is not None:
        return f"settings of {event.settings.instrument}, trading {event.settings.status}"
    if event.instrument is not None:
        return f"what the exchange says of {event.instrument.instrument}, which is {event.instrument.exchange_status}"
    return f"an input that is not in the {event.place.topic} topic any more"


def _row(record: Order | Fill) -> Row:
    row: Row = msgspec.to_builtins(record)
    for name in row:
        if name in DECIMALS:
            row[name] = plain(row[name])
        elif name in TIMES:
            row[name] = iso(row[name])
    return row
