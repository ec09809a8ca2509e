"""What a person can ask for in a chat, and what is answered: by whom it is asked is Telegram's part (test_updates)."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest

from streams.notify.chat import SECOND
from streams.notify.commands import Action, Answer, CommandError, Commands, Heard, Question
from streams.notify.notices import Place, Standing
from tests.unit.streams.notify.said import NOW

XRP, ETH = "binance:XRPUSDT", "binance:ETHUSDT"
HOUR = 3_600 * SECOND
STANDING = Standing(XRP, NOW, 42 * 10**8, 40 * 10**8, 10**6, 50 * 10**8, 30 * 10**8)


class World:
    """What the commands act upon."""

    def __init__(self) -> None:
        self.done: list[list[str]] = []
        self.commands = Commands(
            {
                "watch": Action("watch SYMBOL", "tell", self.run),
                "trade": Action("trade SYMBOL", "trade", self.run, self.ask),
            },
            self.resolve,
            lambda place: f"because of {place.topic} {place.partition} {place.offset}",
            ZoneInfo("Europe/Berlin"),
        )

    def run(self, words: Sequence[str]) -> str:
        self.done.append(list(words))
        return f"done {' '.join(words)}\nand more"

    def ask(self, words: Sequence[str]) -> Question:
        return Question(self.resolve(words)[0], "Really?")

    def resolve(self, words: Sequence[str]) -> list[str]:
        known = {"xrpusdt": XRP, "ethusdt": ETH, XRP.lower(): XRP}
        try:
            return [known[word.lower()] for word in words]
        except KeyError as error:
            raise CommandError(f"unknown symbol {error}") from None

    def typed(self, text: str, **values: object) -> Answer:
        heard = Heard(text, False, NOW, NOW + 5 * SECOND, {}, {XRP: STANDING}, [XRP])
        return self.commands.answer(heard._replace(**values))

    def pressed(self, data: str, now: int = NOW) -> Answer:
        return self.commands.answer(Heard(data, True, now, now))


def text(answer: Answer) -> str:
    return answer.message.text if answer.message else ""


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/start", "/price [SYMBOL]"),
        ("/START@hedgehog_bot now", "/trade SYMBOL trade"),
        ("/help", "/snooze [SYMBOL] 1h|off"),
        ("/price", f"{XRP}: 42, +1.00 % in 24 h, +5.00 % off the average of 5 minutes (40)"),
        ("/price ethusdt", f"{ETH}: no digest in the last hour"),
        ("/price doge", "unknown symbol 'doge'"),
        ("/nonsense", "'/nonsense' is no command; /help lists them"),
        ("hello", "'hello' is no command"),
        ("   ", "'' is no command"),
        ("/watch xrpusdt", "done xrpusdt\nand more"),
        ("/snooze", "nothing is snoozed"),
        ("/snooze tomorrow", "/snooze: 'tomorrow' is not a duration such as 90s, 15m, 2h or 1d"),
        ("/snooze 31d", "/snooze: 31d is longer than 30d"),
        ("/snooze doge 1h", "unknown symbol 'doge'"),
    ],
)
def test_what_is_answered(typed: str, said: str) -> None:
    world = World()
    answer = world.typed(typed)
    assert said in text(answer)
    assert answer.snooze is None


@pytest.mark.parametrize(
    ("typed", "snooze", "said"),
    [
        ("/snooze 1h", ("", NOW + HOUR), "everything: nothing until 26 Nov 14:00 CET"),
        ("/snooze xrpusdt 90s", (XRP, NOW + 90 * SECOND), f"{XRP}: nothing until"),
        ("/snooze xrpusdt OFF", (XRP, 0), f"{XRP}: told again"),
        ("/snooze off", ("", 0), "everything: told again"),
    ],
)
def test_a_snooze_is_reckoned_from_when_it_was_typed(typed: str, snooze: tuple[str, int], said: str) -> None:
    """So one that is heard again, an hour later, says the same."""
    for now in (NOW, NOW + HOUR):
        answer = World().typed(typed, now=now)
        assert answer.snooze == snooze
        assert said in text(answer)


def test_a_chat_does_not_end_what_is_snoozed_for_everybody() -> None:
    held = {"": NOW + HOUR, ETH: NOW + 2 * HOUR}
    said = World().typed("/snooze off", snoozed_everywhere=held)
    assert said.snooze == ("", 0)
    assert text(said).startswith("everything: snoozed for everybody until 26 Nov 14:00 CET")
    assert "until 26 Nov 15:00 CET" in text(World().typed("/snooze ethusdt off", snoozed_everywhere=held))
    assert text(World().typed("/snooze off", snoozed_everywhere={"": NOW})) == "everything: told again"
    shown = text(World().typed("/snooze", snoozed_everywhere=held | {XRP: NOW}))
    assert shown.count("for everybody, until") == 2


def test_what_is_snoozed_is_shown() -> None:
    answer = World().typed("/snooze", snoozed={XRP: NOW + HOUR, "": NOW})
    assert text(answer) == f"{XRP} until 26 Nov 14:00 CET; everything until 26 Nov 13:00 CET"


def test_trading_asks_back_and_only_its_button_does_it() -> None:
    world = World()
    asked = world.typed("/trade xrpusdt", now=NOW)
    assert text(asked).startswith("Really?")
    assert world.done == []
    assert asked.message is not None
    (button,) = asked.message.buttons
    assert len(button.data.encode()) <= 64
    assert text(world.pressed(button.data, NOW + 30 * SECOND)) == f"done {XRP}\nand more"
    assert world.done == [[XRP]]


def test_the_button_is_good_for_thirty_seconds() -> None:
    world = World()
    asked = world.typed("/trade xrpusdt", now=NOW).message
    assert asked is not None
    late = world.pressed(asked.buttons[0].data, NOW + 31 * SECOND)
    assert late.message is None
    assert late.toast == "too late: /trade was asked more than 30 seconds ago; nothing was done"
    assert world.done == []


@pytest.mark.parametrize(
    "data", ["", "do", "do:x:trade:y", "do:99999999999:fly:y", "why:alerts", "why:a:b:c", "other:1"]
)
def test_data_of_no_button_of_ours_does_nothing(data: str) -> None:
    world = World()
    answer = world.pressed(data)
    assert answer == Answer(None, "this button is of another version")
    assert world.done == []


def test_the_buttons_of_an_alert() -> None:
    world = World()
    assert world.pressed(f"snooze-hour:{XRP}").snooze == (XRP, NOW + HOUR)
    tomorrow = world.pressed(f"snooze-day:{XRP}")
    # seven in the morning in Berlin is six in UTC
    assert tomorrow.snooze == (XRP, NOW + 18 * HOUR)
    assert tomorrow.toast == f"{XRP}: nothing until 27 Nov 07:00 CET"
    assert text(world.pressed("why:alerts:3:17")) == "Why?\nbecause of alerts 3 17"


def test_places_are_read_as_they_are_written() -> None:
    from streams.notify.words import place_in  # noqa: PLC0415

    place = Place("alerts", 11, 9_000_000_000)
    assert place_in(f"{place.key}:{place.offset}") == place
