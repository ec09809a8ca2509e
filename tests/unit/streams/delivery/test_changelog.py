"""Which of the values of a changelog counts, and how its owner notices that somebody else has written."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from faust.types import TP
from hypothesis import example, given
from hypothesis import strategies as st

from infra.config import Config
from streams.delivery.changelog import Changelog, Place, keep, keep_newest, place_of
from streams.worker import make_app

KEY, OTHER = b"a", b"b"


def value(epoch: int | None, revision: int = 0, what: str = "") -> bytes:
    """A stored value as it may be; without an epoch one from before there were any."""
    placed = {} if epoch is None else {"epoch": epoch, "revision": revision}
    return msgspec.json.encode({"version": 2, "state": {"what": what}, **placed})


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (value(7, 3), Place(7, 3)),
        (value(None), Place(0, 0)),
        (b"no state", Place(0, 0)),
        (b'{"epoch": "7"}', Place(0, 0)),
        (b"[]", Place(0, 0)),
        (b"", Place(0, 0)),
    ],
)
def test_the_place_of_a_value(data: bytes, place: Place) -> None:
    assert place_of(data) == place


FOLDED: list[tuple[str, list[bytes | None], int | None]] = [
    ("the last of one owner", [value(1, 1), value(1, 2), value(1, 3)], 2),
    ("a late state of the owner before", [value(1, 1), value(2, 2), value(1, 2)], 1),
    ("a late state of a higher revision", [value(1, 1), value(2, 2), value(1, 9)], 1),
    ("a late state before the successor has stored", [value(1, 1), value(1, 2), value(2, 2)], 2),
    ("the second late state", [value(2, 5), value(1, 6), value(1, 7)], 0),
    ("an older revision of the same epoch", [value(2, 5), value(2, 4)], 0),
    ("the same sent twice", [value(2, 5, "once"), value(2, 5, "once more")], 1),
    ("the last from before there were epochs", [value(None, what="x"), value(None, what="y")], 1),
    ("the first with an epoch", [value(None), value(1, 1)], 1),
    ("an old program goes on", [value(1, 1), value(None)], 0),
    ("what is no state", [value(1, 1), b"?"], 0),
    ("removed", [value(1, 1), None], None),
    ("begun anew", [value(9, 9), None, value(1, 1)], 2),
    ("nothing", [], None),
]


TEXTS = st.sampled_from(["", ',"epoch":9,"revision":9', "}", '{"x"', "\\", '"', ',"topics":{}}', "ä"])
SMALL = st.integers(0, 3)
FIELDS = st.fixed_dictionaries(
    {"version": SMALL, "state": st.dictionaries(TEXTS, st.one_of(TEXTS, SMALL), max_size=2)},
    optional={
        "epoch": st.one_of(SMALL, st.just(10**17), st.just("7")),
        "revision": st.one_of(SMALL, st.integers(98, 101)),
        "topics": st.dictionaries(TEXTS, TEXTS, max_size=2),
    },
)
AS_OURS = st.builds(
    lambda epoch, revision, topics, state: msgspec.json.encode(
        {"version": 2, "state": state, "epoch": epoch, "revision": revision, **topics}
    ),
    SMALL,
    SMALL,
    st.sampled_from([{}, {"topics": {}}, {"topics": {"trades": "an-id_"}}]),
    TEXTS,
)
VALUES = st.one_of(
    AS_OURS,
    FIELDS.map(msgspec.json.encode),
    st.sampled_from([None, b"", b"?", b"}", b"}}", b'{"revision":1}', b"[]", b"7"]),
)


@given(st.lists(st.tuples(st.sampled_from([KEY, OTHER]), VALUES), min_size=1, max_size=12))
@example([(KEY, b'{"revision":1}'), (KEY, value(0, 1)), (OTHER, b'{"a":1,"epoch":12,"revision":30}')])
def test_of_many_at_once_the_same_counts_as_one_by_one(records: list[tuple[bytes, bytes | None]]) -> None:
    kept: dict[bytes, bytes] = {}
    for key, each in records:
        keep(kept, key, each)
    at_once: dict[bytes, bytes] = {}
    half = len(records) // 2
    keep_newest(at_once, records[:half])
    keep_newest(at_once, iter(records[half:]))
    assert at_once == kept


@pytest.mark.parametrize(("values", "counts"), [case[1:] for case in FOLDED], ids=[case[0] for case in FOLDED])
def test_the_value_that_counts(values: list[bytes | None], counts: int | None) -> None:
    kept: dict[bytes, bytes] = {OTHER: value(1, 1)}
    keep_newest(kept, [(KEY, each) for each in values])
    expected = {} if counts is None else {KEY: values[counts]}
    assert kept == {OTHER: value(1, 1), **expected}


class Read:
    """A record as Faust's recovery hands it over."""

    def __init__(self, offset: int, data: bytes | None, key: bytes = KEY, partition: int = 3) -> None:
        self.key, self.value = key, data
        self.message = self
        self.partition, self.offset, self.tp = partition, offset, TP("changelog", partition)


@pytest.mark.parametrize("size", [1, 2, 100], ids=["one by one", "in pairs", "at once"])
@pytest.mark.parametrize(("values", "counts"), [case[1:] for case in FOLDED], ids=[case[0] for case in FOLDED])
def test_a_table_that_is_recovered_holds_the_same(values: list[bytes | None], counts: int | None, size: int) -> None:
    app: Any = make_app(Config(topic_prefix="unit-changelog-"))
    table = app.tables["leaders"]
    read = [Read(offset + 5, each) for offset, each in enumerate(values)]
    for first in range(0, len(read), size):
        table.take(read[first : first + size])
    assert dict(table.data.items()) == ({} if counts is None else {KEY: values[counts]})
    assert table.known.keys(3) == ([KEY] if values else [])
    assert not table.known.is_beyond(3, 5 + len(values) if values else 0)
    assert table.known.is_beyond(3, 6 + len(values))


@pytest.mark.parametrize(
    ("read", "wrote", "foreign"),
    [
        (0, [[0]], False),
        (5, [[5], [6, 7], [8]], False),
        (5, [[7, 5, 6]], False),
        (5, [[6]], True),
        (5, [[5, 7]], True),
        (5, [[5], [7]], True),
        (0, [[1]], True),
    ],
)
def test_an_offset_that_is_not_the_next_one_tells_of_somebody_else(
    read: int, wrote: Sequence[list[int]], foreign: bool
) -> None:
    known = Changelog()
    for offset in range(read):
        known.read(3, offset, KEY)
    for offsets in wrote:
        known.wrote(3, offsets, [OTHER])
    assert known.take_foreign(3) == foreign
    assert not known.take_foreign(3), "it is told once"
    last = max(wrote[-1])
    known.wrote(3, [last + 1], [OTHER])
    assert not known.take_foreign(3)
    assert known.keys(3) == ([KEY, OTHER] if read else [OTHER])
    assert not known.take_foreign(4)


@pytest.mark.parametrize(("end", "foreign"), [(4, False), (5, False), (6, True)])
def test_an_end_beyond_what_is_known_tells_of_somebody_else(end: int, foreign: bool) -> None:
    known = Changelog()
    known.read(3, 4, KEY)
    assert known.is_beyond(3, end) == foreign
    known.ends_at(3, end)
    assert known.take_foreign(3) == foreign
    known.wrote(3, [max(5, end)], [KEY])
    assert not known.take_foreign(3)
