"""What a page says of sending a dead letter's record back: in numbers, or the refusal of the command."""

from typing import Any

import pytest

from infra.config import Config
from schemas import topics
from streams.cli.dashboard import letters
from streams.cli.dashboard.deeds import make_deeds
from streams.cli.errors import BadValue
from streams.cli.pipeline.requeue import Returnable
from streams.web.deeds import NotDone
from tests import samples

ID = "dead-letters:0:17"


def control(monkeypatch: pytest.MonkeyPatch, found: Any) -> dict[str, Any]:
    def returnable(_: Config, letter_id: str) -> Returnable:
        assert letter_id == ID
        if isinstance(found, Exception):
            raise found
        return Returnable(topics.TRADES, "demo-trades", found, b"x" * 1_234)

    monkeypatch.setattr(letters, "find", lambda *_: {"id": ID, "value": "00"})
    monkeypatch.setattr(letters, "returnable", returnable)
    return dict(letters.letter(Config(), ID)["control"])


def test_it_says_what_will_be_written_where(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = control(monkeypatch, samples.trade("0.43"))
    assert (shown["action"], shown["reason"]) == ("requeue", None)
    assert shown["command"] == f"hedgehog dlq requeue {ID}"
    assert "1 record of binance:XRPUSDT is written to the end of the topic trades, its 1,234 bytes" in shown["text"]


def test_its_reason_is_the_refusal_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = control(monkeypatch, BadValue("ID: the record cannot be read today either: bad"))
    assert shown["reason"] == "the record cannot be read today either: bad"


def test_no_letter_is_sent_back_that_is_not_named() -> None:
    with pytest.raises(NotDone, match="id: None is no text"):
        make_deeds(Config(), ()).actions["requeue"]({})
