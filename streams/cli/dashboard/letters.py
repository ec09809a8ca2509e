"""Dead letters on the page of the pipeline: the newest, one of them, and what sends its record back."""

from typing import Any

from infra.config import Config
from streams.cli.errors import BadValue
from streams.cli.pipeline.dead_letters import find, newest
from streams.cli.pipeline.requeue import returnable

LETTERS = 50


def letters(config: Config) -> dict[str, Any]:
    """Return the newest dead letters, the newest first."""
    return {"letters": newest(config, LETTERS)[::-1]}


def letter(config: Config, letter_id: str) -> dict[str, Any]:
    """Return one letter with its bytes, and the control that sends its record back; `BadValue` when there is none."""
    return {**find(config, letter_id), "control": _control(config, letter_id)}


def _control(config: Config, letter_id: str) -> dict[str, Any]:
    """Return the control; its reason is the refusal of the command."""
    reason, text = None, ""
    try:
        found = returnable(config, letter_id)
    except BadValue as error:
        reason = str(error).removeprefix("ID: ")
    else:
        text = (
            f"1 record of {found.record.instrument} is written to the end of the topic {found.topic.name}, its "
            f"{len(found.value):,} bytes as they were. Whoever refused it reads it again; the letter stays."
        )
    return {
        "action": "requeue",
        "label": "Send it back",
        "question": "Send its record back?",
        "text": text,
        "confirm": "Send it back",
        "command": f"hedgehog dlq requeue {letter_id}",
        "reason": reason,
        "danger": False,
    }
