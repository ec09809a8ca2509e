"""How long to wait before the next attempt, told as a list of attempts."""

import random

from producers.backoff import Backoff


class Largest(random.Random):
    """Draws the upper bound."""

    def uniform(self, a: float, b: float) -> float:
        assert a == 0
        return b


def test_the_bound_doubles_up_to_its_limit() -> None:
    backoff = Backoff(first_s=0.5, max_s=60, stable_s=60, rng=Largest())
    assert [backoff.next_wait_s(0) for _ in range(9)] == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert [backoff.next_wait_s(0) for _ in range(2_000)][-1] == 60, "no overflow"


def test_the_wait_is_anything_below_the_bound() -> None:
    waits = []
    for seed in range(200):
        backoff = Backoff(0.5, 60, 60, random.Random(seed))
        backoff.next_wait_s(0)
        waits.append(backoff.next_wait_s(0))
    assert min(waits) < 0.1
    assert 0.9 < max(waits) <= 1


# seconds that a connection lived → the wait before the next attempt, the fourth
def test_only_a_connection_that_lived_long_enough_makes_the_next_attempt_come_at_once() -> None:
    for lived, wait in [(0, 4), (59.9, 4), (60, 0), (10_000, 0)]:
        backoff = Backoff(0.5, 60, 60, Largest())
        for _ in range(3):
            backoff.next_wait_s(0)
        backoff.connected(100)
        assert backoff.next_wait_s(100 + lived) == wait
        assert backoff.next_wait_s(100_000) == (1 if wait == 0 else 8), "it counts once"
