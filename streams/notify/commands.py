"""What a person in a chat can ask for: pure but for what an action does, which whoever starts the notifier hands in.

A command that trades asks back, and only the button of its question does it, within 30 seconds. `/start` is sent by
Telegram itself when a chat is opened: it shows the help. A command may be heard twice, after a crash; each has the same
effect then, for what it sets is reckoned from when it was sent.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from streams.notify import words as said
from streams.notify.chat import EVERYTHING, SECOND
from streams.notify.durations import parse_seconds, shown_seconds
from streams.notify.notices import Place, Standing
from streams.notify.quiet import clock, tomorrow
from streams.notify.sinks.outcome import Button, Message
from streams.notify.words import place_in, standing_text

CONFIRM_S = 30
HOUR_S = 3_600
SNOOZE_MAX_S = 30 * 86_400
PRICES_MAX = 20


class CommandError(Exception):
    """A command cannot be carried out; the message says why, to the person who typed it."""


class Question(NamedTuple):
    """What is asked back: about which instrument, in which words."""

    instrument: str
    text: str


class Action(NamedTuple):
    """A command that changes or looks up something outside the notifier. Raises `CommandError`.

    `run` gets the words after the command; that of an action with `ask`, which asks back first, the instrument's key.
    """

    usage: str
    help: str
    run: Callable[[Sequence[str]], str]
    ask: Callable[[Sequence[str]], Question] | None = None


class Heard(NamedTuple):
    """What came from a chat."""

    text: str
    """What was typed, or the data of the button that was pressed."""
    is_button: bool
    time: int
    """When it was typed, or the button was pressed as far as is known; in microseconds, UTC."""
    now: int
    snoozed: Mapping[str, int] = {}
    """What is snoozed in the chat, as `Kept` has it."""
    standings: Mapping[str, Standing] = {}
    watched: Sequence[str] = ()
    """Those of the standings that are shown without being asked for by name."""
    snoozed_everywhere: Mapping[str, int] = {}
    """As `snoozed`, of all destinations."""


class Answer(NamedTuple):
    """What is said to it: in a message, or for a moment beside the button."""

    message: Message | None = None
    toast: str = ""
    snooze: tuple[str, int] | None = None
    """What the chat is to snooze, and until when."""


class Commands:
    """The commands of a notifier.

    `resolve` gives the keys of the instruments that were typed, `explain` says why the record at a place was told; both
    raise `CommandError`. They and the actions may block: call `answer` in a thread of its own.
    """

    def __init__(
        self,
        actions: Mapping[str, Action],
        resolve: Callable[[Sequence[str]], list[str]],
        explain: Callable[[Place], str],
        zone: ZoneInfo,
    ) -> None:
        self._actions = actions
        self._resolve = resolve
        self._explain = explain
        self._zone = zone

    def answer(self, heard: Heard) -> Answer:
        """Do what is asked for; never raises `CommandError`, says it."""
        try:
            return self._pressed(heard) if heard.is_button else self._typed(heard)
        except CommandError as error:
            return Answer(None, str(error)[:200]) if heard.is_button else Answer(Message(str(error)))

    def menu(self) -> list[tuple[str, str]]:
        """Return the commands with their help, for Telegram's own menu."""
        return [*OWN, *((name, action.help) for name, action in self._actions.items())]

    def _typed(self, heard: Heard) -> Answer:
        first, *words = heard.text.split() or [""]
        name = first.removeprefix("/").partition("@")[0].lower()
        match name:
            case "start" | "help":
                return Answer(Message("hedgehog", self._help()))
            case "snooze":
                return self._snooze(heard, words)
            case "price":
                return Answer(self._price(heard, words))
        action = self._actions.get(name)
        if action is None:
            raise CommandError(f"{first[:30]!r} is no command; /help lists them")
        if action.ask is None:
            text, _, detail = action.run(words).partition("\n")
            return Answer(Message(text, detail))
        question = action.ask(words)
        until = heard.now // SECOND + CONFIRM_S
        data = f"{said.DO}:{until}:{name}:{question.instrument}"
        return Answer(Message(question.text, f"Within {CONFIRM_S} seconds.", buttons=(Button(f"Yes, {name}", data),)))

    def _pressed(self, heard: Heard) -> Answer:
        kind, _, about = heard.text.partition(":")
        match kind:
            case said.DO:
                return self._confirmed(heard, about)
            case said.SNOOZE_HOUR | said.SNOOZE_DAY:
                until = heard.now + HOUR_S * SECOND if kind == said.SNOOZE_HOUR else tomorrow(heard.now, self._zone)
                return Answer(None, f"{about}: nothing until {clock(until, self._zone)}", (about, until))
            case said.WHY:
                place = place_in(about)
                if place is None:
                    raise CommandError("this button is of another version")
                return Answer(Message("Why?", self._explain(place), is_table=True))
        raise CommandError("this button is of another version")

    def _confirmed(self, heard: Heard, about: str) -> Answer:
        until, _, rest = about.partition(":")
        name, _, instrument = rest.partition(":")
        action = self._actions.get(name)
        if action is None or not until.isdigit():
            raise CommandError("this button is of another version")
        if heard.now // SECOND > int(until):
            raise CommandError(f"too late: /{name} was asked more than {CONFIRM_S} seconds ago; nothing was done")
        return Answer(Message(action.run([instrument])), "done")

    def _snooze(self, heard: Heard, words: list[str]) -> Answer:
        """`/snooze [SYMBOL] DURATION`, `/snooze [SYMBOL] off`, `/snooze` for what is snoozed."""
        if not words:
            shown = [f"{key or 'everything'} until {clock(until, self._zone)}" for key, until in heard.snoozed.items()]
            shown += [
                f"{key or 'everything'}, for everybody, until {clock(until, self._zone)}"
                for key, until in heard.snoozed_everywhere.items()
                if heard.now < until
            ]
            return Answer(Message("; ".join(shown) or "nothing is snoozed; /snooze 1h, /snooze XRPUSDT 1h"))
        *symbols, duration = words
        key = self._resolve(symbols)[0] if symbols else EVERYTHING
        name = key or "everything"
        if duration.lower() == "off":
            still = max(heard.snoozed_everywhere.get(each, 0) for each in (EVERYTHING, key))
            text = f"{name}: told again"
            if heard.now < still:
                text = f"{name}: snoozed for everybody until {clock(still, self._zone)}; hedgehog watch snooze off"
            return Answer(Message(text), snooze=(key, 0))
        try:
            seconds = parse_seconds(duration, "/snooze")
        except ValueError as error:
            raise CommandError(str(error)) from None
        if seconds > SNOOZE_MAX_S:
            raise CommandError(f"/snooze: {duration} is longer than {shown_seconds(SNOOZE_MAX_S)}")
        until = heard.time + seconds * SECOND
        return Answer(Message(f"{name}: nothing until {clock(until, self._zone)}"), snooze=(key, until))

    def _price(self, heard: Heard, words: Sequence[str]) -> Message:
        keys = (self._resolve(words) if words else heard.watched)[:PRICES_MAX]
        known = heard.standings
        lines = [standing_text(known[key]) if key in known else f"{key}: no digest in the last hour" for key in keys]
        first, *others = lines or ["nothing is watched; /watch SYMBOL"]
        return Message(first, "\n".join(others))

    def _help(self) -> str:
        own = [f"/{name} {text}" for name, text in OWN]
        return "\n".join([*own, *(f"/{action.usage} {action.help}" for action in self._actions.values())])


OWN = (
    ("help", "what there is"),
    ("price", "[SYMBOL]: the last prices"),
    ("snooze", "[SYMBOL] 1h|off: tell nothing for so long"),
)
