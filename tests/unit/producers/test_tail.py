"""How far back the end of the topic is read: so many records, and for what is compared the last minutes as well."""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import NamedTuple

import msgspec
import pytest

from infra.config import Config
from producers import tail
from producers.series import RECALLED_US
from schemas.records import Trade
from schemas.spans import partition_of
from tests.unit.producers.killed import made

NAME, COUNT = "trades", 2
KEYS = {
    number: next(f"bitstamp:X{i}" for i in range(99) if partition_of(f"bitstamp:X{i}", COUNT) == number)
    for number in (0, 1)
}
END, TAIL = 1_000_000, 10_000
KEPT = 20_000
"""The first offset of a partition that was pruned."""
OTHER = b"binance:XRPUSDT"
NEWEST_MS = 1_559_347_200_001


class Message(NamedTuple):
    number: int
    at: int
    its_key: bytes
    its_value: bytes = b""

    def topic(self) -> str:
        return NAME

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes:
        return self.its_key

    def value(self) -> bytes:
        return self.its_value

    def timestamp(self) -> tuple[int, int]:
        return 1, NEWEST_MS - (END - 1 - self.at)


def read(monkeypatch: pytest.MonkeyPatch, minutes_from: int, compared: set[str]) -> dict[int, list[tuple[int, bytes]]]:
    """What is recalled of each partition, where the last minutes begin at this offset; two records every thousand."""

    def spans(
        _: Config, wanted: list[tuple[str, int]], since_ms: int | None = None
    ) -> dict[tuple[str, int], tuple[int, int]]:
        assert since_ms is not None
        assert since_ms == NEWEST_MS - (RECALLED_US + 2 * tail.CLOCKS_US) // 1_000, (
            "counted from the newest record: none may have run for long"
        )
        return dict.fromkeys(wanted, (minutes_from, END))

    def records(_: Config, reach: Mapping[tuple[str, int], tuple[int, int]]) -> Iterator[Message]:
        for (_, number), (first, end) in reach.items():
            for at in range(first, end, 1_000):
                yield Message(number, at, KEYS[number].encode())
                if at + 1 < end:
                    yield Message(number, at + 1, OTHER)

    monkeypatch.setattr(tail, "_spans", spans)
    monkeypatch.setattr(tail, "records", records)
    ends = {(NAME, number): (END - TAIL, END) for number in range(COUNT)}
    found: dict[int, list[tuple[int, bytes]]] = {}
    certain: dict[int, int] = {}
    for message in tail._recalled(Config(), ends, compared, certain):
        found.setdefault(message.partition(), []).append((message.offset() or 0, message.key() or b""))  # type: ignore[arg-type]
    for number, since in certain.items():
        first = min(minutes_from, END - TAIL) if KEYS[number] in compared else END - TAIL
        published_ms = NEWEST_MS - (END - 1 - max(first, END - tail.FURTHER[0]))
        assert since == published_ms * 1_000 + tail.CLOCKS_US
    return found


def test_the_last_minutes_of_what_is_compared_are_read_and_of_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, END - 50_000, {KEYS[0]})
    assert [at for at, key in found[0] if key != OTHER] == list(range(END - 50_000, END, 1_000))
    assert [at for at, key in found[0] if key == OTHER] == list(range(END - TAIL + 1, END, 1_000))
    assert min(at for at, _ in found[1]) == END - TAIL


def test_it_is_bounded_where_very_much_is_traded(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, 0, {KEYS[1]})
    assert min(at for at, _ in found[1]) == END - tail.FURTHER[0]


def test_quiet_partitions_are_read_as_far_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, END - 3_000, {KEYS[0], KEYS[1]})
    assert {min(at for at, _ in of) for of in found.values()} == {END - TAIL}


def test_of_a_topic_that_is_read_from_its_beginning_all_is_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "records", lambda *_: iter([Message(0, 0, b""), Message(0, 1, b"")]))
    certain: dict[int, int] = {}
    assert len(list(tail._recalled(Config(), {(NAME, 0): (0, 2)}, set(), certain))) == 2
    assert certain == {0: 0}


# trades of the nearer stretch and of the further one, `f`: filled → what is found, and how many stretches are read
BEFORE: dict[str, tuple[tuple[str, str], str, int]] = {
    "the stream brought one": (("4 5 6", "1 2 3"), "6", 1),
    "its newest was not the last": (("4 6 5f 5", "1 2 3"), "6 5f 5", 1),
    "filled ones were before it": (("2f 3f 6 7f", "1"), "6 7f", 1),
    "only old ones were filled": (("1f 2f", "4 5"), "5 1f 2f", 2),
    "a hole was being filled": (("7f 8f", "4 5 6f"), "5 6f 7f 8f", 2),
    "none was streamed at all": (("6f 7f", "4f 5f"), "", 2),
    "there is none near": (("", "4 5"), "5", 2),
}


@pytest.mark.parametrize("case", BEFORE)
def test_the_newest_that_the_stream_brought_is_looked_for(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stretches, expected, read = BEFORE[case]
    left, asked = list(stretches), []

    def records(_: Config, reach: Mapping[tuple[str, int], tuple[int, int]]) -> Iterator[Message]:
        if reach:
            asked.extend(reach.values())
            yield from (Message(0, at, OTHER, word.encode()) for at, word in enumerate(left.pop(0).split()))
            yield Message(0, 99, b"binance:YUSDT", b"99")

    def decoded(value: bytes) -> Trade:
        number = int(value.rstrip(b"f"))
        return msgspec.structs.replace(made(number, number, "XRPUSDT"), filled=value.endswith(b"f"))

    monkeypatch.setattr(tail, "records", records)
    monkeypatch.setattr(tail, "spans", lambda _, wanted: dict.fromkeys(wanted, (KEPT, END)))
    wanted = {(NAME, number): (END - TAIL, END) for number in range(COUNT)}
    codec = SimpleNamespace(decode=decoded)
    found = tail._published_before(Config(), codec, wanted, {OTHER.decode()})  # type: ignore[arg-type]
    said = [f"{trade.trade_id}{'f' * trade.filled}" for published in found for trade in published]
    assert (said, len(stretches) - len(left)) == (expected.split(), read)
    assert asked == [(END - TAIL - 100_000, END - TAIL), (KEPT, END - TAIL - 100_000)][:read], "what was pruned is gone"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [((5, 10.0), (6, 10.0)), ((5, 10.2), (6, 10.0)), ((5, 10.0), (6, 3_000.0)), ((500, 10.0), (6, 100.0))],
)
def test_the_newer_trade_is_known_by_its_id_unless_ids_began_anew(
    earlier: tuple[int, float], later: tuple[int, float]
) -> None:
    first, second = (made(number, 0) for number, _ in (earlier, later))
    first, second = (
        msgspec.structs.replace(one, trade_time=one.trade_time + int(at * 1e6))
        for one, (_, at) in zip((first, second), (earlier, later), strict=True)
    )
    assert tail.is_newer(second, first)
    assert not tail.is_newer(first, second)
