"""What the notifier keeps: written whole, read back, for the owner's eyes, by one notifier at a time."""

import stat
from pathlib import Path

import pytest

from infra.config import Config
from infra.errors import StackError
from streams.notify.chat import Kept
from streams.notify.hub import State
from streams.notify.ledger import Executed, Ledger
from streams.notify.state import StateFile

STATE = State(
    chats={
        "telegram:7": Kept(
            positions={"alerts:0": 3},
            told={"a": None, "b": None},
            counted={"x": {"off-average": 2}},
            snoozed={"": 5},
            board=8,
        )
    },
    ledger=Ledger({"x:1:B": Executed(1, 2, 3, False)}, {"x": 7}),
    handled=[4, 5],
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data_dir=tmp_path, topic_prefix="p-", _env_file=None)


def test_what_was_saved_is_loaded_by_the_next(config: Config) -> None:
    with StateFile(config) as file:
        assert file.load() == State()
        file.save(STATE)
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    with StateFile(config) as file:
        loaded = file.load()
    assert loaded == STATE
    assert list(loaded.chats["telegram:7"].told) == ["a", "b"]


def test_what_did_not_change_is_not_written_again(config: Config) -> None:
    with StateFile(config) as file:
        file.save(STATE)
        file.path.unlink()
        file.save(STATE)
        assert not file.path.exists()


def test_there_is_one_notifier_at_a_time(config: Config) -> None:
    with StateFile(config), pytest.raises(StackError, match="another notifier runs with"):
        StateFile(config)
    with StateFile(config.model_copy(update={"topic_prefix": "q-"})), StateFile(config):
        pass


@pytest.mark.parametrize("text", ["", "{", '{"chats": 3}'])
def test_a_file_that_is_none_of_ours_is_named_and_kept(text: str, config: Config) -> None:
    with StateFile(config) as file:
        file.path.write_text(text)
        with pytest.raises(StackError, match=f"{file.path}: not the state of a notifier"):
            file.load()
        assert file.path.read_text() == text
