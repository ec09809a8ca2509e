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
    ("what is paused is fetched", "if tp not in paused or not state(tp).has_valid_position]", "]"),
    (
        "nobody asks from where on to read what is paused",
        "if tp not in paused or not state(tp).has_valid_position]",
        "if tp not in paused]",
    ),
    ("it looks late for what is resumed", "min(wait_s, HELD_MAX_S)", "wait_s"),
)
COLLECTING = mutants_of(
    "streams/delivery/collecting.py",
    (f"{UNIT}/delivery/test_collecting.py",),
    ("all is left out that is young", ' and info["generation"] == FULL', ""),
    ("what is left out is never looked at again", "    gc.unfreeze()", "    pass"),
)
LOOKING = mutants_of(
    "streams/delivery/recovery.py",
    (f"{UNIT}/delivery/test_recovery.py",),
    ("what was left out stays out after partitions were shared out", "        collecting.look_again()  #", "        #"),
)
FETCHED = (*FETCHING, *COLLECTING, *LOOKING)
