"""The mutants of the guard."""

from tests.mutants.runner import mutants_of

JUDGE = ("tests/unit/streams/guard/test_judge.py",)

GUARDED = (
    *mutants_of(
        "streams/guard/judge.py",
        JUDGE,
        ("a worker that stands still is alive", "if progress.members and went_on:", "if progress.members:"),
        ("a worker that left is alive", "if progress.members and went_on:", "if went_on:"),
        ("a new setting is as good as a trade", "watch.fresh.setdefault(key, now)", "watch.fresh[key] = now"),
        (
            "a gain of what is held makes up for a loss",
            "max(standing.cost - price * standing.quantity, 0)",
            "standing.cost - price * standing.quantity",
        ),
        (
            "money of all assets is one",
            "losses[standing.quote] = losses.get(standing.quote, 0)",
            'losses[""] = losses.get("", 0)',
        ),
    ),
    *mutants_of(
        "streams/guard/service.py",
        ("tests/unit/streams/guard/test_service.py",),
        (
            "what the guard slept through is silence",
            "self._now += min((at - self._at) // 1_000, STEP_MAX)",
            "self._now += (at - self._at) // 1_000",
        ),
        ("a late state of a leader counts", "or not supersedes(value, self._leaders.get(key)):", "or False:"),
    ),
    *mutants_of(
        "streams/cli/instruments/totals.py",
        ("tests/unit/streams/cli/instruments/test_totals.py",),
        ("who takes less is refused, too", "and total > before[asset]:", "and True:"),
    ),
)
