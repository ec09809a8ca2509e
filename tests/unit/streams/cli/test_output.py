"""Tables and JSON: complete, aligned, data on stdout only."""

import json
import re
import sys
import time
from collections.abc import Callable
from io import StringIO

import pytest

from streams.cli import progress
from streams.cli.output import Output, plain_table, shown

ROWS = [
    {"instrument": "binance:XRPUSDT", "chunks": 5, "fee": "0.001", "streaming": True, "reason": None, "more": 1},
    {"instrument": "x:A", "chunks": 12, "fee": "-0.1", "streaming": False, "reason": "LOT_SIZE", "more": 2},
]
COLUMNS = ("instrument", "chunks", "fee", "streaming", "reason")


def test_a_piped_table_is_aligned_and_complete() -> None:
    assert plain_table(ROWS, COLUMNS).splitlines() == [
        "instrument       chunks    fee  streaming  reason",
        "binance:XRPUSDT       5  0.001  yes        -",
        "x:A                  12   -0.1  no         LOT_SIZE",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), ("", "-"), (True, "yes"), (False, "no"), (0, "0"), ([], "-"), (["a", 1], "a, 1")],
)
def test_values_are_shown_as_people_read_them(value: object, text: str) -> None:
    assert shown(value) == text


def test_json_has_everything_and_stderr_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    out.json = True
    out.rows(ROWS, COLUMNS)
    out.note("a hint")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == ROWS
    assert captured.err == ""


def test_nothing_is_an_empty_list_in_json_and_a_sentence_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    out.rows([], COLUMNS, empty="no orders")
    assert capsys.readouterr() == ("", "no orders\n")
    out.json = True
    out.rows([], COLUMNS, empty="no orders")
    assert capsys.readouterr() == ("[]\n", "")


def test_errors_go_to_stderr_with_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output()
    out.error("no broker", "make infra-up", 3)
    assert capsys.readouterr() == ("", "hedgehog: no broker\n  try: make infra-up\n")
    out.json = True
    out.error("no broker", "make infra-up", 3)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err) == {"error": "no broker", "hint": "make infra-up", "exit_code": 3}


def test_an_orders_id_stays_what_it_is_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Output().line("report binance:XRPUSDT:1:B:1 [bold]")
    assert capsys.readouterr().out == "report binance:XRPUSDT:1:B:1 [bold]\n"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_the_progress_bar_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Output()
    with out.progress_bar("reading", "lines") as bar:
        assert bar is None
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with out.progress_bar("reading", "lines") as bar:
        assert bar is not None
        bar(500, 1_000)
    assert "500/1000" in terminal.getvalue()
    out.json = True
    with out.progress_bar("reading", "lines") as bar:
        assert bar is None


@pytest.mark.parametrize(
    ("as_json", "total", "lines"),
    [
        (False, None, ["150 records, 10 a second"]),
        (False, 250, ["150 records of 250, about 10 s left, 10 a second"]),
        (True, 250, []),
    ],
)
def test_where_no_terminal_is_a_line_says_how_far_it_is(
    as_json: bool,
    total: int | None,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    out = Output()
    out.json = as_json
    with out.progress_lines("publishing", "trades") as told:
        for at, done in ((105.0, 50), (115.0, 150), (116.0, 160)):
            now[0] = at
            told(done, total)
    assert capsys.readouterr().err.splitlines() == lines


def test_a_terminal_gets_a_table_if_it_is_wide_enough(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    Output().rows(ROWS, COLUMNS)
    wide = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert [line.split() for line in wide if line.strip(" ─")] == [
        ["instrument", "chunks", "fee", "streaming", "reason"],
        ["binance:XRPUSDT", "5", "0.001", "yes", "-"],
        ["x:A", "12", "-0.1", "no", "LOT_SIZE"],
    ]
    head, last = (next(line for line in wide if word in line) for word in ("chunks", "x:A"))
    assert last.index("12") + 2 == head.index("chunks") + len("chunks")  # numbers to the right
    monkeypatch.setenv("COLUMNS", "30")
    Output().rows(ROWS, COLUMNS)
    assert capsys.readouterr().out.splitlines()[:2] == ["instrument  binance:XRPUSDT", "chunks      5"]


def lines_of(stream: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_program_is_told_how_far_it_is_and_why_it_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "BEAT_S", 0.01)
    stream = StringIO()
    out = Output(json=True, told=progress.Told(stream))
    until(lambda: len(lines_of(stream)) > 1)
    out.progress("saving…")
    until(lambda: lines_of(stream)[-1]["doing"] == "saving…")
    with out.progress_bar("reading", "lines") as bar:
        assert bar is not None
        bar(7, None)
        bar(9, 20)
        until(lambda: lines_of(stream)[-1] == {"doing": "reading", "what": "lines", "done": 9, "total": 20})
    out.error("no broker", "make infra-up", 3)
    told = stream.getvalue()
    assert json.loads(capsys.readouterr().err)["error"] == "no broker"
    assert stream.getvalue() == told
    assert lines_of(stream)[0] == {"doing": "starting", "what": "", "done": 0, "total": None}


def until(right: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not right():
        assert time.monotonic() < deadline
        time.sleep(0.005)
