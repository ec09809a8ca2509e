"""What fills come to: exact costs and profits, parts, and what is left behind."""

import msgspec
import pytest

from schemas.records import TradingStatus
from schemas.units import ONE
from streams.trading.account import Account, Lot, bought, held, leave, sold
from tests.samples import units


def test_a_cycle_earns_the_difference_less_both_fees() -> None:
    account = Account()
    bought(account, 1, units("99"), units("1.5"), units("0.1485"))
    assert held(account) == Lot(units("1.5"), units("148.6485") * ONE)
    sold(account, 1, units("101"), units("1.5"), units("0.1515"))
    assert (held(account), account.realised, account.lots) == (Lot(), units("2.7") * ONE, {})


def test_a_part_that_is_sold_takes_its_part_of_the_cost_and_the_last_one_the_rest() -> None:
    account = Account()
    for price, quantity in ((10, 2), (20, 1)):
        bought(account, 7, price, quantity, 0)
    sold(account, 7, 15, 1, 0)  # 40 for 3: the third part, rounded down, is 13
    assert (account.realised, account.lots[7]) == (2, Lot(2, 27))
    sold(account, 7, 15, 2, 0)
    assert (account.realised, held(account)) == (5, Lot())


def test_what_is_left_by_those_who_are_no_more_stays_held() -> None:
    account = Account()
    bought(account, 1, 10, 2, 0)
    bought(account, 2, 10, 3, 0)
    leave(account, {2})
    assert (account.left, account.lots, held(account)) == (Lot(2, 20), {2: Lot(3, 30)}, Lot(5, 50))


@pytest.mark.parametrize("account", [Account(), Account({3: Lot(1, 10**40)}, Lot(2, 7), -(10**40), 9)])
def test_an_account_survives_being_stored(account: Account) -> None:
    assert msgspec.json.decode(msgspec.json.encode(account), type=Account) == account


def test_what_a_leader_holds_is_in_its_account_and_stays_there_after_a_stop() -> None:
    from tests.unit.streams.trading.test_leader import Told  # noqa: PLC0415 -- its tests are not to run here again

    told = Told()
    for event in ("set status=on", "trade 100", "fill 1:B", "fill 1:S", "trade 100", "part 2:B 0.4", "set status=off"):
        told.tell(event)
    account = told.state.account
    assert (account.realised, held(account)) == (units("1.98") * ONE, Lot(units("0.4"), units("39.6") * ONE))
    told.tell("part 2:B 0.6")  # faster than the cancellation
    assert (held(account).quantity, account.left) == (units("0.6"), Lot())
    told.tell("canceled 2:B")
    assert account.left == Lot(units("0.6"), units("59.4") * ONE)
    assert told.state.status is TradingStatus.OFF
