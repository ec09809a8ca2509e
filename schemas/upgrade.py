"""What was written before instruments had records of their own: settings that also say what the exchange says.

Such settings are still read as settings, by the schema under which they were written. What the exchange says is taken
out of them here, and written to the topic of instruments once.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from infra.config import Config
from schemas.compacted import CompactedTopics
from schemas.records import Instrument, Settings
from schemas.registry import make_codec
from schemas.topics import INSTRUMENTS, SETTINGS
from schemas.writer import ToWrite, write


def instrument_in(settings: Mapping[str, Any]) -> Instrument | None:
    """The instrument that these fields of settings hold, in units of 1e-8; `None` for settings as they are today."""
    return msgspec.convert(settings, Instrument) if "tick_size" in settings else None


def upgrade_topics(config: Config) -> int:
    """Write every instrument that is only in the settings to its own topic; return how many.

    One that is there already is left as it is: it may be newer. So this may be broken off and done again. Raises
    `NotTaken` when the broker does not take them, and what `CompactedTopics` raises.
    """
    held: dict[str, tuple[int, Instrument]] = {}
    known = set()
    with CompactedTopics(config, [SETTINGS, INSTRUMENTS]) as reader:
        for message, record in reader.present():
            if isinstance(record, Instrument):
                known.add(record.instrument)
            elif isinstance(record, Settings):
                instrument = instrument_in(reader.as_written(message))
                if instrument is not None:
                    held[record.instrument] = (message.partition() or 0, instrument)
    missing = [found for key, found in held.items() if key not in known]
    if missing:
        codec = make_codec(config, Instrument)
        # into the partition of its settings: a key has the same one in every topic
        records = [ToWrite(codec.encode(found), found.instrument, partition) for partition, found in missing]
        write(config, INSTRUMENTS.full_name(config), records)
    return len(missing)
