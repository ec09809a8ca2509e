"""How far something long has come, for whoever sits there and waits."""

from collections.abc import Callable

Progress = Callable[[int, int | None], None]
"""Called now and then with how many records or lines are done, and of how many; None where that is not known."""
