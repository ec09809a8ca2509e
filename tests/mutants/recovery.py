"""The mutants of what a worker reads of its changelogs when it starts."""

from tests.mutants.runner import mutants_of

UNIT = "tests/unit/streams"
DELIVERY = (f"{UNIT}/delivery", f"{UNIT}/agents")

RECOVERY = mutants_of(
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
    ("the last value of a changelog counts", "if place >= places.get(key, lowest):", "if True:"),
)
