"""Messages: what they say, how long they get, what their buttons hold."""

from schemas.units import ONE
from streams.notify import words
from streams.notify.notices import NOWHERE, Standing, percent
from streams.notify.sinks.outcome import Button
from streams.notify.sinks.telegram import html_of
from tests.unit.streams.notify.said import NOW, notice


def standing(symbol: str, price: int, average: int, change: int) -> Standing:
    return Standing(f"binance:{symbol}", NOW, price * ONE, average * ONE, change, price * ONE, price * ONE)


def test_an_alert_has_its_three_buttons() -> None:
    message = words.alert(notice(17, headline="up", detail="more"))
    assert message.text == "up\nmore"
    assert message.buttons == (
        Button("Snooze 1 h", "snooze-hour:binance:XRPUSDT"),
        Button("Until tomorrow", "snooze-day:binance:XRPUSDT"),
        Button("Why", "why:alerts:0:17"),
    )
    assert message.facts["id"] == "binance:XRPUSDT:off-average:up:17"


def test_a_button_that_holds_too_much_is_left_out() -> None:
    message = words.alert(notice(17, instrument="exchange:" + "X" * 60, place=NOWHERE))
    assert message.buttons == ()


def test_a_summary_counts() -> None:
    message = words.summary({"a:X": {"off-average": 2}, "a:Y": {"off-average": 1, "day-range": 4}})
    assert message.text == "7 alerts not told one by one\na:Y: 4 x day-range, 1 x off-average\na:X: 2 x off-average"
    assert words.summary({"a:X": {"off-average": 1}}).headline == "1 alert not told one by one"


def test_a_summary_and_a_board_of_1500_instruments_fit() -> None:
    counts = {f"binance:COIN{number}USDT": dict.fromkeys(("off-average", "day-range"), 100) for number in range(1_500)}
    board = {f"binance:COIN{number}USDT": standing(f"COIN{number}USDT", 10**9, 10**9, ONE) for number in range(1_500)}
    for message in (words.summary(counts), words.board(board)):
        *lines, last = message.detail.splitlines()
        assert last == f"and {1_500 - len(lines) + message.is_table} more instruments"
        assert len(lines) > 30
        assert len(html_of(message)) < 4_096
        assert last in html_of(message)


def test_the_board_is_columns() -> None:
    message = words.board(
        {
            each.instrument: each
            for each in (standing("XRPUSDT", 101, 100, -ONE // 1_000), standing("BTCUSDT", 61_000, 61_000, ONE // 20))
        }
    )
    assert message.headline == "Market, 2026-11-26 12:00 UTC"
    assert message.detail.splitlines() == [
        "                 price     24 h  off average",
        "binance:BTCUSDT  61000  +5.00 %      +0.00 %",
        "binance:XRPUSDT    101  -0.10 %      +1.00 %",
    ]


def test_percentages_are_cut_towards_zero() -> None:
    assert [percent(value) for value in (1_999_999, -1_999_999, 0, 150 * ONE // 100)] == [
        *("+1.99 %", "-1.99 %", "+0.00 %", "+150.00 %")
    ]
