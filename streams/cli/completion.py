"""What the shell completes; imported when it asks."""

from producers.settings_topic import read_setups
from streams.cli.endpoints import with_settings


def complete_symbol(incomplete: str) -> list[str]:
    """Return symbols for the shell's completion, in the case in which they were begun; none when none can be read."""
    try:
        symbols = sorted(setup.instrument.symbol for setup in read_setups(with_settings()).values())
    except Exception:  # the shell shows whatever is printed here: nothing is better
        return []
    typed = [symbol.lower() for symbol in symbols] if incomplete.islower() else symbols
    return [symbol for symbol in typed if symbol.startswith(incomplete)]
