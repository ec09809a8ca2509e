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
        "        self._whole_at = now\n",
        "        self._whole_at = now + 3600\n",
    ),
    (
        "topics with seldom anything wait also where nothing else is fetched",
        "self._actions(self._often(assignment)))[0]:",
        "self._actions(self._often(assignment))):",
    ),
    ("what is paused is looked at", " and not state(tp).paused]", "]"),
)
COLLECTING = mutants_of(
    "streams/delivery/collecting.py",
    (f"{UNIT}/delivery/test_collecting.py",),
    ("all is left out that is young", ' and info["generation"] == FULL', ""),
    ("what is left out is never looked at again", "    gc.unfreeze()", "    pass"),
)
FETCHED = (*FETCHING, *COLLECTING)
