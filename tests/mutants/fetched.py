"""The mutants of what the Kafka client fetches, and of what the garbage collector leaves out."""

from tests.mutants.runner import mutants_of

UNIT = "tests/unit/streams"

FETCHING = mutants_of(
    "streams/delivery/fetching.py",
    (f"{UNIT}/delivery/test_fetching.py",),
    (
        "what was never committed stays where it was read",
        "if not offset and tp.topic not in changelogs]",
        "if False]",
    ),
    (
        "topics with seldom anything are never named",
        "(node, now) for node, _ in whole[0])",
        "(node, now + 3600) for node, _ in whole[0])",
    ),
    (
        "a broker with a fetch under way has had its turn",
        "(node, now) for node, _ in whole[0])",
        '(node, now) for node in ("node", "other"))',
    ),
    ("topics with seldom anything wait also where nothing else is fetched", "if often[0] and all(", "if all("),
    ("one broker's turn is that of all", "self._whole_at.get(node, 0.0)", "max(self._whole_at.values(), default=0.0)"),
    ("what is paused is looked at", " and not state(tp).paused]", "]"),
)
COLLECTING = mutants_of(
    "streams/delivery/collecting.py",
    (f"{UNIT}/delivery/test_collecting.py",),
    ("all is left out that is young", ' and info["generation"] == FULL', ""),
    ("what is left out is never looked at again", "    gc.unfreeze()", "    pass"),
)
FETCHED = (*FETCHING, *COLLECTING)
