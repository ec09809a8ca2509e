"""How fast records come, and how long they have been waiting."""

from streams.web.replica.pace import Latencies, Rate, Stamps, Written


def test_a_rate_is_that_of_whole_seconds() -> None:
    rate = Rate()
    for second in range(100, 110):
        rate.add(second, 50)
    rate.add(110, 999)  # this second is not over
    assert rate.milli(110) == 50_000
    assert rate.milli(115) == (5 * 50 + 999) * 100
    assert rate.milli(130) == 0


def test_what_is_not_committed_waits_since_it_was_written() -> None:
    stamps = Stamps()
    for offset, written in ((10, 1_000), (20, 2_000), (30, 3_000)):
        stamps.add(offset, written)
    assert stamps.end == 31
    assert stamps.behind_ms(31, 9_000) == 0
    assert stamps.behind_ms(30, 9_000) == 6_000
    assert stamps.behind_ms(21, 9_000) == 6_000
    assert stamps.behind_ms(20, 9_000) == 7_000
    assert stamps.behind_ms(0, 9_000) == 8_000


def test_nobody_is_behind_in_a_partition_without_records() -> None:
    assert Stamps().behind_ms(0, 9_000) == 0


def test_rows_a_second_follow_what_is_committed() -> None:
    written = Written()
    assert written.milli(0.0, 100) == 0
    assert written.milli(10.0, 600) == 50_000
    assert written.milli(20.0, 5) == 0  # topics made anew


def test_the_99th_of_a_hundred() -> None:
    latencies = Latencies()
    assert latencies.p99() == -1
    for ms in range(100):
        latencies.add(ms)
    assert latencies.p99() == 99
