"""What was written before instruments had records of their own: settings that also say what the exchange says.

Such settings are still read as settings. This takes the instruments out of them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.records import Instrument


def instrument_in(settings: Mapping[str, Any]) -> Instrument | None:
    """The instrument that these fields of settings hold, in units of 1e-8; `None` for settings as they are today."""
    return msgspec.convert(settings, Instrument) if "tick_size" in settings else None
