"""What one connection asks for next, told as a conversation: wanted symbols, requests, answers."""

from itertools import pairwise

import pytest

from producers.adapter import Answer
from producers.subscriptions import Subscriptions

NO = "code 2: Invalid request"


def asked(subscriptions: Subscriptions, now: float = 0.0) -> str | None:
    request = subscriptions.next_request(now)
    return None if request is None else str(request)


def test_what_is_wanted_is_asked_for_one_request_at_a_time() -> None:
    subscriptions = Subscriptions(["A", "B"], per_request=2)
    subscriptions.want("BCDE")
    assert not subscriptions.complete
    assert asked(subscriptions) == "UNSUBSCRIBE A"
    assert asked(subscriptions) is None, "the first has no answer yet"
    assert subscriptions.confirmed == {"B"}
    assert subscriptions.answered(Answer(1, None)) is None
    assert asked(subscriptions, now=7.0) == "SUBSCRIBE C, D"
    assert subscriptions.asked is not None
    assert subscriptions.asked.sent_at == 7.0
    assert subscriptions.confirmed == {"B"}
    subscriptions.answered(Answer(2, None))
    assert subscriptions.confirmed == {"B", "C", "D"}
    assert asked(subscriptions) == "SUBSCRIBE E"
    assert not subscriptions.complete
    subscriptions.answered(Answer(3, None))
    assert subscriptions.complete
    assert asked(subscriptions) is None


# what an answer says → whether it is taken for the answer to request 1
ANSWERS = [
    (Answer(1, None), True),
    (Answer(None, None), True),
    (Answer(None, NO), True),
    (Answer(7, None), False),
    (Answer("1", NO), False),
]


@pytest.mark.parametrize(("answer", "taken"), ANSWERS)
def test_an_answer_that_names_no_request_belongs_to_the_one_under_way(answer: Answer, taken: bool) -> None:
    subscriptions = Subscriptions([], per_request=9)
    assert subscriptions.answered(answer) is None, "nothing was asked"
    subscriptions.want("A")
    subscriptions.next_request(0)
    refusal = subscriptions.answered(answer)
    assert (subscriptions.asked is None) is taken
    assert (refusal is not None) is (taken and answer.error is not None)


def test_one_symbol_that_is_refused_costs_no_other_its_trades() -> None:
    subscriptions = Subscriptions([], per_request=8)
    subscriptions.want("ABCDEFXY")
    requests, final = [], []
    while request := subscriptions.next_request(0):
        requests.append("".join(request.symbols))
        refusal = subscriptions.answered(Answer(None, NO if set(request.symbols) & {"X", "C"} else None))
        if refusal is not None and refusal.final:
            final.append((str(refusal.request), refusal.error))
    assert requests == ["ABCDEFXY", "ABCD", "AB", "CD", "C", "D", "EFXY", "EF", "XY", "X", "Y"]
    assert final == [("SUBSCRIBE C", NO), ("SUBSCRIBE X", NO)]
    assert subscriptions.complete
    assert subscriptions.confirmed == set("ABDEFY")


def test_half_of_a_refused_request_is_not_asked_for_when_nobody_wants_it_any_more() -> None:
    subscriptions = Subscriptions([], per_request=4)
    subscriptions.want("ABCD")
    subscriptions.next_request(0)
    subscriptions.answered(Answer(None, NO))
    subscriptions.want("CE")
    assert asked(subscriptions) == "SUBSCRIBE C"
    subscriptions.answered(Answer(None, None))
    assert asked(subscriptions) == "SUBSCRIBE E"


def test_a_refused_symbol_is_asked_for_again_once_it_was_not_wanted_meanwhile() -> None:
    subscriptions = Subscriptions([], per_request=4)
    subscriptions.want("A")
    subscriptions.next_request(0)
    subscriptions.answered(Answer(1, NO))
    subscriptions.want("A")
    assert asked(subscriptions) is None
    assert subscriptions.complete
    subscriptions.want("")
    subscriptions.want("A")
    assert asked(subscriptions) == "SUBSCRIBE A"


def test_a_refused_symbol_is_asked_for_again_after_a_minute_then_after_two() -> None:
    subscriptions = Subscriptions([], per_request=4)
    subscriptions.want("AB")
    told = []
    for now, error in ((0, NO), (60, NO), (180, "limit"), (420, None)):
        while request := subscriptions.next_request(now):
            refusal = subscriptions.answered(Answer(request.id, error if "A" in request.symbols else None))
            if refusal is not None and refusal.final:
                told.append((now, refusal.told))
        assert subscriptions.complete
        assert subscriptions.next_request(now + 59) is None
    assert told == [(0, False), (60, True), (180, False)]
    assert subscriptions.confirmed == {"A", "B"}
    assert subscriptions.again_at == float("inf")


def test_it_is_asked_for_once_an_hour_at_the_least() -> None:
    subscriptions = Subscriptions([], per_request=4)
    subscriptions.want("A")
    asked_at = []
    for now in range(0, 5 * 3_600, 60):
        if request := subscriptions.next_request(now):
            asked_at.append(now)
            subscriptions.answered(Answer(request.id, NO))
    assert max(after - before for before, after in pairwise(asked_at)) == 3_600


def test_an_unsubscription_that_is_refused_is_not_divided() -> None:
    subscriptions = Subscriptions("AB", per_request=4)
    subscriptions.want("")
    subscriptions.next_request(0)
    refusal = subscriptions.answered(Answer(1, NO))
    assert refusal is not None
    assert refusal.final
    assert subscriptions.complete


def test_what_is_renewed_is_unsubscribed_and_then_subscribed() -> None:
    subscriptions = Subscriptions(["A", "B", "C"], per_request=9)
    subscriptions.want("ABC")
    subscriptions.renew(["B", "C", "D"])
    assert not subscriptions.complete
    assert asked(subscriptions) == "UNSUBSCRIBE B, C"
    subscriptions.want("AB")
    subscriptions.answered(Answer(1, None))
    assert asked(subscriptions) == "SUBSCRIBE B"
    subscriptions.answered(Answer(2, None))
    assert subscriptions.complete
    assert subscriptions.confirmed == {"A", "B"}


def test_what_is_not_wanted_any_more_is_not_renewed() -> None:
    subscriptions = Subscriptions(["A"], per_request=9)
    subscriptions.want("A")
    subscriptions.renew("A")
    subscriptions.want("")
    assert asked(subscriptions) == "UNSUBSCRIBE A"
    subscriptions.answered(Answer(1, None))
    assert asked(subscriptions) is None
    assert subscriptions.complete
