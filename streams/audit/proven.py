"""What is proven of the recordings, kept in the data directory, so that the next audit goes on from there."""

import os
from pathlib import Path

import msgspec

from infra.config import Config
from schemas.broker import topic_ids
from schemas.topics import APPLIED, CHECKPOINTS, FILLS, ORDERS, TRADES
from streams.audit.decisions import Known

READ = (TRADES, ORDERS, APPLIED, FILLS, CHECKPOINTS)


LAYOUT = 1
"""Of what is kept; before there was one, its epochs were those of records that are read again."""


class _Kept(msgspec.Struct):
    topics: dict[str, str]
    """The ids of the topics that were read: of others nothing is known."""
    partitions: dict[int, Known]
    layout: int = 0


def load(config: Config) -> dict[int, Known]:
    """Return what is known to be proven of each partition of these topics; nothing where no audit has kept anything."""
    try:
        kept = msgspec.json.decode(_path(config).read_bytes(), type=_Kept)
    except (FileNotFoundError, msgspec.MsgspecError):
        return {}
    return kept.partitions if kept.layout == LAYOUT and kept.topics == _topics(config) else {}


def save(config: Config, proven: dict[int, Known]) -> None:
    """Keep what is proven."""
    path = _path(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(_Kept(_topics(config), proven, LAYOUT)))
    os.replace(beside, path)


def _topics(config: Config) -> dict[str, str]:
    return topic_ids(config, [topic.full_name(config) for topic in READ])


def _path(config: Config) -> Path:
    return config.data_dir / "audit" / f"{config.topic_prefix or 'audit'}.json"
