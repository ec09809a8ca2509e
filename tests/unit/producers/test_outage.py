"""A broker that does not answer is told now and then, not each time."""

from producers.outage import Outage


def test_a_line_a_minute_and_one_when_it_is_back() -> None:
    outage = Outage()
    assert outage.answered(0) is None
    told = [at for at in range(10, 200) if outage.failed(at)]
    assert told == [10, 70, 130, 190]
    assert outage.answered(200) == 190
    assert outage.answered(201) is None
    assert outage.failed(202)
