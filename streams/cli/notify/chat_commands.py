"""The commands of a chat that look up or change something: by the functions of the command line.

Every change goes through `producers.settings_topic.change`, so none is lost beside one that somebody types elsewhere.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from confluent_kafka import KafkaException

from infra.config import Config
from infra.errors import StackError
from producers.publisher import DeliveryError
from producers.settings_topic import change, read_watches
from schemas.codec import CodecError
from schemas.gap_records import Gap
from schemas.market_records import Alert
from schemas.records import Fill, Order, Setup, TradingStatus
from schemas.registry import make_codec
from schemas.topics import TOPICS
from schemas.units import plain
from streams.cli.errors import CliError
from streams.cli.instruments.changes import changes, never_trades
from streams.cli.instruments.select import read, some
from streams.cli.instruments.symbols import resolve
from streams.cli.instruments.totals import check_totals
from streams.cli.watch.changes import apply, parse_wishes, unwatch, watch
from streams.cli.watch.options import Wishes
from streams.notify import words as said
from streams.notify.commands import Action, CommandError, Commands, Question
from streams.notify.notices import Place
from streams.notify.quiet import Quiet
from streams.topics.read import one

TRADE, STOP, SHUTDOWN = TradingStatus.ON, TradingStatus.OFF, TradingStatus.SHUTDOWN


def make_commands(config: Config, quiet: Quiet) -> Commands:
    """Return what can be asked for in the chats of this installation."""
    instruments = _Instruments(config)
    return Commands(_actions(instruments), instruments.keys, lambda place: _why(config, place), quiet.zone)


class _Instruments:
    """The instruments as the topics have them when a command comes."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def keys(self, typed: Sequence[str]) -> list[str]:
        """Return the keys of what was typed."""
        return [setup.key for setup in self.picked(typed)]

    def picked(self, typed: Sequence[str]) -> list[Setup]:
        if not typed:
            raise CommandError("which symbol? such as XRPUSDT")
        with told_to_person():
            known = read(self.config)
            return [known[key] for key in resolve(typed, known)]

    def one(self, typed: Sequence[str]) -> Setup:
        picked = self.picked(typed)
        if len(picked) > 1:
            raise CommandError(f"one symbol at a time, not {' '.join(typed)}")
        return picked[0]


@contextmanager
def told_to_person() -> Iterator[None]:
    """Turn what the command line would print, with its exit code, into a `CommandError`."""
    try:
        yield
    except (CliError, StackError, DeliveryError, KafkaException) as error:
        raise CommandError(str(error)) from None


def _actions(instruments: _Instruments) -> Mapping[str, Action]:
    switches = {
        "trade": (TRADE, "trade it by its settings; asks back"),
        "stop": (STOP, "stop at once and cancel its orders; asks back"),
        "shutdown": (SHUTDOWN, "let its traders finish; asks back"),
    }
    return {
        "status": Action("status", "what is traded, streamed and watched", lambda _: _status(instruments.config)),
        "watch": Action("watch SYMBOL", "tell its alerts and digests", lambda typed: _watch(instruments, typed, True)),
        "unwatch": Action("unwatch SYMBOL", "tell them no more", lambda typed: _watch(instruments, typed, False)),
        "threshold": Action(
            "threshold SYMBOL 2%", "how far off its average is an alert", lambda typed: _threshold(instruments, typed)
        ),
        **{
            name: Action(f"{name} SYMBOL", text, _switching(instruments, status), _asking(instruments, name, status))
            for name, (status, text) in switches.items()
        },
    }


def _status(config: Config) -> str:
    with told_to_person():
        known, watches = read(config), read_watches(config)
    traded = [f"{setup.key} {setup.settings.status}" for setup in known.values() if setup.settings.status is not STOP]
    streamed = [setup.key for setup in known.values() if setup.settings.streaming]
    watched = sorted(key for key, watch in watches.items() if watch.watched)
    lines = [
        f"{name}: {some(found) or 'nothing'}"
        for name, found in (("traded", traded), ("streamed", streamed), ("watched", watched))
    ]
    return "\n".join([f"{len(known)} instruments", *lines])


def _watch(instruments: _Instruments, typed: Sequence[str], watched: bool) -> str:
    keys = instruments.keys(typed)
    with told_to_person():
        config = instruments.config
        made = watch(config, read(config), keys, {}) if watched else unwatch(config, keys)
    done = "watched" if watched else "not watched any more"
    already = "watched already" if watched else "not watched anyhow"
    return f"{some(keys)}: {done if made else already}"


def _threshold(instruments: _Instruments, typed: Sequence[str]) -> str:
    if len(typed) < 2:
        raise CommandError("/threshold SYMBOL 2%")
    *symbols, text = typed
    keys = instruments.keys(symbols)
    with told_to_person():
        values = parse_wishes(Wishes(deviation=text.removesuffix("%")))
        if text.endswith("%"):
            values["deviation"], rest = divmod(values["deviation"], 100)
            if rest:
                raise CommandError(f"/threshold: {text!r} has more than 6 decimals")
        made = apply(instruments.config, keys, values)
    percent = plain(values["deviation"] * 100)
    return f"{some(keys)}: {'an alert' if made else 'already an alert'} beyond {percent} % off the average"


def _asking(instruments: _Instruments, name: str, status: TradingStatus) -> Callable[[Sequence[str]], Question]:
    def ask(typed: Sequence[str]) -> Question:
        setup = instruments.one(typed)
        return Question(setup.key, _question(setup, status))

    return ask


def _question(setup: Setup, status: TradingStatus) -> str:
    settings, asset = setup.settings, setup.instrument.quote_asset
    if settings.status is status:
        raise CommandError(f"{setup.key}: trading is {status} already")
    if status is SHUTDOWN and settings.status is STOP:
        raise CommandError(f"{setup.key}: trading is off")
    if status is TRADE:
        reason = never_trades(setup)
        if reason is not None:
            raise CommandError(f"{setup.key}: {reason}")
        return f"Trade {setup.key} with {plain(settings.budget)} {asset} in {settings.chunks} chunks?"
    if status is STOP:
        return f"Stop trading {setup.key} and cancel its open orders? What was bought stays bought."
    return f"Shut down trading of {setup.key}? Its traders finish, none starts."


def _switching(instruments: _Instruments, status: TradingStatus) -> Callable[[Sequence[str]], str]:
    def switch(typed: Sequence[str]) -> str:
        setup = instruments.one(typed)
        _question(setup, status)  # it may be otherwise than when it was asked
        with told_to_person():
            made = changes([setup], {"status": status}, time.time_ns() // 1_000)
            check_totals(instruments.config, made)
            change(instruments.config, [(each.before, each.after) for each in made])
        silent = "" if setup.settings.streaming or status is not TRADE else "; it is not streamed yet"
        return f"{setup.key}: trading is {status}{silent}"

    return switch


def _why(config: Config, place: Place) -> str:
    topic = TOPICS.get(place.topic)
    if topic is None or topic.record is None:
        raise CommandError(f"there is no topic {place.topic!r}")
    with told_to_person():
        message = one(config, (topic.full_name(config), place.partition), place.offset)
    value = None if message is None else message.value()
    if not isinstance(value, bytes):
        raise CommandError("the topic does not have this record any more")
    try:
        record = make_codec(config, topic.record).decode(value)
    except CodecError as error:
        raise CommandError(str(error)) from None
    if isinstance(record, Alert):
        return said.why(record)
    if isinstance(record, Gap):
        return f"hedgehog gaps list\nids {record.first_id} to {record.last_id}, {record.status}: {record.reason or '-'}"
    if isinstance(record, Fill | Order):
        return f"hedgehog explain {record.client_order_id}"
    raise CommandError(f"nothing is known of why a {type(record).__name__.lower()} is told")
