"""The mutants of what a worker reads of its changelogs when it starts."""

from tests.mutants.runner import mutants_of

UNIT = "tests/unit/streams"
DELIVERY = (f"{UNIT}/delivery", f"{UNIT}/agents")

_RECOVERY = mutants_of(
    "streams/delivery/recovery.py",
    DELIVERY,
    ("an unread changelog is accepted", "and self.need_recovery():", "and False:"),
    (
        "records flow between resume and seek",
        "    async def _resume_streams(self, generation_id: int = 0) -> None:\n        self.app.consumer.stop_flow()\n",
        "    async def _resume_streams(self, generation_id: int = 0) -> None:\n",
    ),
    (
        "records flow while recovery ends",
        "        self.app.consumer.stop_flow()\n        if self.app",
        "        if self.app",
    ),
)

_CHANGELOG = mutants_of(
    "streams/delivery/changelog.py",
    DELIVERY,
    ("the last value of a changelog counts", "if key not in kept or place >= place_of(kept[key]):", "if True:"),
    ("revisions go before epochs", "np.lexsort((revisions, epochs, codes))", "np.lexsort((epochs, revisions, codes))"),
    ("the last of many counts, wherever its place", "np.lexsort((revisions, epochs, codes))", "np.lexsort((codes,))"),
    ("any number at the end is a place", "if _before(data, first, at, _EPOCH) >= first:", "if True:"),
    (
        "of many, a removal removes nothing",
        "            for key, _ in run:\n                kept.pop(key, None)\n",
        "            pass\n",
    ),
)

RECOVERY = (*_RECOVERY, *_CHANGELOG)
