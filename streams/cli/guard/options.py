"""`hedgehog guard`: what it can be told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """Halt trading when prices go stale, workers stand still or a loss limit is hit; until Ctrl-C or SIGTERM.

    What is halted stays so until `hedgehog trading start SYMBOL`. HEDGEHOG_GUARD_STALE_S and …_HEARTBEAT_S say how long
    a silence may be, HEDGEHOG_TOTAL_… what all instruments together may do.
    """
