"""What the dashboard's buttons do: by the functions of the command line, with the same refusals.

Every change goes through `producers.settings_topic.change`, so none is lost beside one that somebody types elsewhere.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException
from sqlalchemy.exc import SQLAlchemyError

from infra.config import Config
from infra.errors import StackError
from producers.halting import halt
from producers.publisher import DeliveryError
from producers.settings_topic import change
from schemas.parameters import BY_FIELD
from schemas.records import Setup, TradingStatus
from streams.backtest.store import equity_points, orders_of, runs_of
from streams.cli.backtest.saved_rows import full, order_row, side_by_side
from streams.cli.dashboard.backtests import COMMANDS
from streams.cli.dashboard.letters import letter, letters
from streams.cli.database import warehouse
from streams.cli.errors import BadValue, CliError
from streams.cli.failures import explained
from streams.cli.instruments.changes import changes, never_trades, parse_values
from streams.cli.instruments.select import read
from streams.cli.instruments.symbols import resolve
from streams.cli.instruments.totals import check_totals
from streams.cli.orders.explain import explained_row
from streams.cli.pipeline.requeue import requeued
from streams.cli.watch.changes import apply
from streams.cli.watch.snoozes import snoozed
from streams.web.deeds import Deeds, NotDone, Values

RUNS = 100
Deed = Callable[[Config, Values], Any]


def make_deeds(config: Config, audit: Sequence[str]) -> Deeds:
    """Return what can be done and asked in this installation."""
    return Deeds(
        {name: _told(config, deed) for name, deed in ACTIONS.items()},
        {name: _told(config, deed) for name, deed in QUESTIONS.items()},
        list(audit),
        {name: _told(config, make) for name, make in COMMANDS.items()},
    )


def _told(config: Config, deed: Deed) -> Callable[[Values], Any]:
    """Turn what the command line would print, with its exit code, into a `NotDone`."""

    def done(values: Values) -> Any:
        try:
            return deed(config, values)
        except (CliError, StackError, DeliveryError, KafkaException, SQLAlchemyError) as error:
            known = explained(error)
            if known is None:
                raise NotDone(str(error)) from None
            raise NotDone(str(known), known.hint or "") from None

    return done


def _setup(config: Config, values: Values) -> Setup:
    """Return the instrument that is named, as the topics have it now."""
    named = _text(values, "instrument")
    known = read(config)
    return known[resolve([named], known)[0]]


def _text(values: Values, name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise BadValue(f"{name}: {value!r} is no text")
    return value


def _truth(values: Values, name: str) -> bool:
    value = values.get(name)
    if not isinstance(value, bool):
        raise BadValue(f"{name}: {value!r} is neither true nor false")
    return value


def _switch(config: Config, picked: Sequence[Setup], field: str, value: Any) -> dict[str, Any]:
    made = changes(picked, {field: value}, time.time_ns() // 1_000)
    check_totals(config, made)
    change(config, [(each.before, each.after) for each in made])
    return {"changed": [each.instrument.instrument for each in made]}


def _start(config: Config, values: Values) -> dict[str, Any]:
    setup = _setup(config, values)
    reason = never_trades(setup)
    if reason is not None:
        raise BadValue(f"{setup.key}: {reason}")
    return _switch(config, [setup], "status", TradingStatus.ON) | {"streaming": setup.settings.streaming}


def _shutdown(config: Config, values: Values) -> dict[str, Any]:
    setup = _setup(config, values)
    if setup.settings.status is TradingStatus.OFF:
        raise BadValue(f"{setup.key}: trading is off")
    return _switch(config, [setup], "status", TradingStatus.SHUTDOWN)


def _stop(config: Config, values: Values) -> dict[str, Any]:
    return _switch(config, [_setup(config, values)], "status", TradingStatus.OFF)


def _halt(config: Config, _: Values) -> dict[str, Any]:
    return {"changed": sorted(halt(config))}


def _stream(config: Config, values: Values) -> dict[str, Any]:
    return _switch(config, [_setup(config, values)], "streaming", _truth(values, "on"))


def _watch(config: Config, values: Values) -> dict[str, Any]:
    made = apply(config, [_setup(config, values).key], {"watched": _truth(values, "on")})
    return {"changed": [after.instrument for _, after in made]}


def _snooze(config: Config, values: Values) -> dict[str, Any]:
    made = snoozed(config, _text(values, "for"), [])
    return {"until": made[0].until}


def _set(config: Config, values: Values) -> dict[str, Any]:
    typed = values.get("fields")
    if not isinstance(typed, dict) or not typed:
        raise BadValue("fields: nothing to set")
    for field, text in typed.items():
        if field not in BY_FIELD or not isinstance(text, str):
            raise BadValue(f"fields: {field!r} is none of {', '.join(BY_FIELD)}")
    setup = _setup(config, values)
    made = changes([setup], parse_values(_stripped(typed)), time.time_ns() // 1_000)
    check_totals(config, made)
    if not _truth({"dry_run": values.get("dry_run", False)}, "dry_run"):
        change(config, [(each.before, each.after) for each in made])
    differing = {name: list(pair) for each in made for name, pair in each.fields().items()}
    return {"changed": [each.instrument.instrument for each in made], "fields": differing}


def _stripped(typed: Mapping[str, str]) -> dict[str, str | None]:
    return {field: text.strip() for field, text in typed.items()}


def _why(config: Config, values: Values) -> dict[str, Any]:
    return explained_row(config, _text(values, "order"), lambda _: None)


def _letter(config: Config, values: Values) -> dict[str, Any]:
    return letter(config, _text(values, "id"))


def _requeue(config: Config, values: Values) -> dict[str, Any]:
    return requeued(config, _text(values, "id"))


def _runs(_: Config, __: Values) -> dict[str, Any]:
    with warehouse() as engine:
        return {"runs": [full(row, True) for row in runs_of(engine, limit=RUNS)][::-1]}


def _run(_: Config, values: Values) -> dict[str, Any]:
    number = _number(_text(values, "run"))
    with warehouse() as engine:
        rows = runs_of(engine, ids=[number])
        if not rows:
            raise BadValue(f"run: there is no run {number}")
        placed = [order_row(each) for each in orders_of(engine, number)]
        equity = [order_row(each) for each in equity_points(engine, number)]
    return full(rows[0], True) | {"placed_orders": placed[-500:], "equity": equity, "orders_kept": len(placed)}


def _compare(_: Config, values: Values) -> dict[str, Any]:
    numbers = [_number(text) for text in _text(values, "runs").split(",")]
    with warehouse() as engine:
        rows = runs_of(engine, ids=numbers)
    if len(rows) < 2:
        raise BadValue("runs: two saved runs are needed to compare")
    rows.sort(key=lambda row: numbers.index(row["run_id"]))
    return {"runs": [row["run_id"] for row in rows], "lines": side_by_side(rows)}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise BadValue(f"run: {text!r} is no number of a run")
    return int(text)


ACTIONS: dict[str, Deed] = {
    "start": _start,
    "shutdown": _shutdown,
    "stop": _stop,
    "halt": _halt,
    "stream": _stream,
    "watch": _watch,
    "snooze": _snooze,
    "settings": _set,
    "requeue": _requeue,
}
QUESTIONS: dict[str, Deed] = {
    "why": _why,
    "letters": lambda config, _: letters(config),
    "letter": _letter,
    "runs": _runs,
    "run": _run,
    "compare": _compare,
}
